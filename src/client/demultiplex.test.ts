import { expect, test } from 'bun:test';
import { Demultiplexer } from './demultiplex.ts';

function frame(stream: number, text: string): Buffer {
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([header, Buffer.from(text)]);
}

const wire = Buffer.concat([
  frame(1, 'out'),
  frame(2, 'error!'),
  frame(1, ''),
  frame(0, 'stdin'),
  frame(1, 'x'.repeat(300)),
]);

function demultiplex(chunks: Uint8Array[]): [string, string, boolean] {
  const frames = new Demultiplexer();
  const texts = { stdout: '', stderr: '' };
  for (const chunk of chunks) {
    frames.feed(chunk, (stream, data) => {
      texts[stream] += Buffer.from(data).toString();
    });
  }
  return [texts.stdout, texts.stderr, frames.complete];
}

const expected: [string, string, boolean] = [`outstdin${'x'.repeat(300)}`, 'error!', true];

test('frames are put together wherever the stream is cut', () => {
  for (let at = 0; at <= wire.length; at++) {
    expect(demultiplex([wire.subarray(0, at), wire.subarray(at)])).toEqual(expected);
  }
});

test('frames are put together from chunks of any size', () => {
  for (let size = 1; size <= 40; size++) {
    const chunks = [];
    for (let at = 0; at < wire.length; at += size) chunks.push(wire.subarray(at, at + size));
    expect(demultiplex(chunks)).toEqual(expected);
  }
});

test('a stream that ends inside a frame is not complete', () => {
  expect(demultiplex([wire.subarray(0, 4)])[2]).toBe(false);
  expect(demultiplex([wire.subarray(0, 9)])[2]).toBe(false);
});

test("the engine's own errors are thrown", () => {
  expect(() => demultiplex([frame(3, 'the log is gone')])).toThrow('error from daemon in stream: the log is gone');
});

test('a stream number nobody knows is refused', () => {
  expect(() => demultiplex([frame(7, 'x')])).toThrow('unrecognized stream: 7');
});
