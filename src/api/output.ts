// A container's output on the wire. A batch becomes one write, however many pieces it has.
import type { Output, OutputChunk } from '../engine/output.ts';
import type { ByteSource } from '../lib/streams.ts';
import { MULTIPLEXED_STREAM, RAW_STREAM } from './http/upgrade.ts';
import type { ApiVersion } from './version.ts';

const HEADER = 8;

const KEPT = 64 * 1024;

/** What a batch is on the wire. The result is valid until the next call. */
export type Encoder = (batch: readonly OutputChunk[]) => Uint8Array;

/** Each piece behind a header: which stream (one byte, three of padding) and its length (four bytes, big-endian). */
export function framer(): Encoder {
  let bytes = Buffer.alloc(0);
  return batch => {
    let size = 0;
    for (const { data } of batch) size += HEADER + data.length;
    if (size > bytes.length || bytes.length > Math.max(KEPT, 16 * size)) bytes = Buffer.allocUnsafeSlow(size);
    let at = 0;
    for (const { stream, data } of batch) {
      bytes.writeUInt32BE(stream * 0x0100_0000, at);
      bytes.writeUInt32BE(data.length, at + 4);
      bytes.set(data, at + HEADER);
      at += HEADER + data.length;
    }
    return bytes.subarray(0, at);
  };
}

/** What a terminal says has only one stream and goes as it is. */
export const join: Encoder = batch =>
  batch.length === 1 ? batch[0]!.data : Buffer.concat(batch.map(chunk => chunk.data));

export async function* encodeOutput(output: Output, tty: boolean): ByteSource {
  const encode = tty ? join : framer();
  for await (const batch of output) if (batch.length > 0) yield encode(batch);
}

/** Clients before 1.42 know one name for both forms. */
export function streamType(tty: boolean, version: ApiVersion): string {
  return tty || version.before('1.42') ? RAW_STREAM : MULTIPLEXED_STREAM;
}
