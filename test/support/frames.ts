// Taking apart what the Engine API sends of a container without a tty: 8 bytes (stream, length), then the piece.

export interface Streams {
  stdout: string;
  stderr: string;
}

/** An incomplete frame at the end, as after a broken connection, is left out. */
export function demultiplex(bytes: Uint8Array): Streams {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const pieces: Record<number, Uint8Array[]> = { 1: [], 2: [] };
  let at = 0;
  while (at + 8 <= bytes.length) {
    const stream = bytes[at]!;
    const end = at + 8 + view.getUint32(at + 4);
    if (!pieces[stream]) throw new Error(`a frame of stream ${stream} at byte ${at}`);
    if (end > bytes.length) break;
    pieces[stream].push(bytes.subarray(at + 8, end));
    at = end;
  }
  return { stdout: Buffer.concat(pieces[1]!).toString(), stderr: Buffer.concat(pieces[2]!).toString() };
}
