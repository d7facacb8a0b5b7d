// A container's output on the wire. A batch becomes one write, however many pieces it has.
import type { Output, OutputChunk } from '../engine/output.ts';
import type { ByteSource } from '../lib/streams.ts';
import { MULTIPLEXED_STREAM, RAW_STREAM } from './http/upgrade.ts';
import type { ApiVersion } from './version.ts';

const HEADER = 8;

/** Each piece behind a header: which stream (one byte, three of padding) and its length (four bytes, big-endian). */
export function frame(batch: readonly OutputChunk[]): Uint8Array {
  let size = 0;
  for (const { data } of batch) size += HEADER + data.length;
  const bytes = Buffer.allocUnsafe(size);
  let at = 0;
  for (const { stream, data } of batch) {
    bytes.writeUInt32BE(stream * 0x0100_0000, at);
    bytes.writeUInt32BE(data.length, at + 4);
    bytes.set(data, at + HEADER);
    at += HEADER + data.length;
  }
  return bytes;
}

/** What a terminal says has only one stream and goes as it is. */
export function join(batch: readonly OutputChunk[]): Uint8Array {
  return batch.length === 1 ? batch[0]!.data : Buffer.concat(batch.map(chunk => chunk.data));
}

export async function* encodeOutput(output: Output, tty: boolean): ByteSource {
  const encode = tty ? join : frame;
  for await (const batch of output) if (batch.length > 0) yield encode(batch);
}

/** Clients before 1.42 know one name for both forms. */
export function streamType(tty: boolean, version: ApiVersion): string {
  return tty || version.before('1.42') ? RAW_STREAM : MULTIPLEXED_STREAM;
}
