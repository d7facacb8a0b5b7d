// Streams of JSON objects, one per line: events, stats, progress.
import type { ByteSource } from '../lib/streams.ts';

export async function* jsonLines<T>(source: ByteSource): AsyncGenerator<T> {
  for await (const line of textLines(source)) yield JSON.parse(line) as T;
}

/** Lines that are not empty, as text: for those who must not lose a digit of a number. */
export async function* textLines(source: ByteSource): AsyncGenerator<string> {
  let pending: Uint8Array[] = [];
  for await (const chunk of source) {
    let at = 0;
    for (;;) {
      const newline = chunk.indexOf(10, at);
      if (newline < 0) break;
      const line = textOf(pending, chunk.subarray(at, newline));
      pending = [];
      at = newline + 1;
      if (line !== '') yield line;
    }
    if (at < chunk.length) pending.push(chunk.subarray(at));
  }
  const line = textOf(pending, new Uint8Array());
  if (line !== '') yield line;
}

function textOf(pending: Uint8Array[], last: Uint8Array): string {
  const bytes = pending.length === 0 ? last : Buffer.concat([...pending, last]);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString().trim();
}
