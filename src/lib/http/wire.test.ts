import { expect, test } from 'bun:test';
import { concat } from '../streams.ts';
import { BodyReader, LAST_CHUNK, writeChunk } from './wire.ts';

test.each([1, 65_535, 65_536, 300_000])('a chunk of %d bytes arrives as it was', async size => {
  const data = new Uint8Array(size).map((_, at) => at % 251);
  const sent: Uint8Array[] = [];
  const sink = { write: (chunk: Uint8Array) => Promise.resolve(sent.push(chunk) > 0) };
  expect(await writeChunk(sink, data)).toBe(true);
  expect(await writeChunk(sink, data)).toBe(true);

  const reader = new BodyReader({ kind: 'chunked' });
  const arrived: Uint8Array[] = [];
  reader.feed(concat([...sent, LAST_CHUNK]), piece => arrived.push(piece));
  expect(reader.done).toBe(true);
  expect(Buffer.concat(arrived)).toEqual(Buffer.concat([data, data]));
});
