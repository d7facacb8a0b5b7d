import { afterEach, beforeEach, expect, test } from 'bun:test';
import type { Duplex } from '../../lib/streams.ts';
import { FakeClient, settle } from './fake-client.ts';
import { HttpServer } from './server.ts';
import { acceptWebSocket, encodeFrame, FrameReader } from './websocket.ts';

const HANDSHAKE = [
  'GET /ws HTTP/1.1',
  'Host: x',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  '',
  '',
].join('\r\n');

function masked(opcode: number, payload: Uint8Array, final = true): Buffer {
  const frame = Buffer.from(encodeFrame(opcode, payload));
  const header = frame.length - payload.length;
  const mask = Buffer.from([1, 2, 3, 4]);
  const body = Buffer.from(payload).map((byte, index) => byte ^ mask[index & 3]!);
  frame[1]! |= 0x80;
  if (!final) frame[0]! &= 0x7f;
  return Buffer.concat([frame.subarray(0, header), mask, body]);
}

/** Frames of the server, which are not masked. */
function framesOf(bytes: Buffer): { opcode: number; payload: string }[] {
  const frames: { opcode: number; payload: string }[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes[at + 1]!;
    frames.push({ opcode: bytes[at]! & 15, payload: bytes.toString('latin1', at + 2, at + 2 + length) });
    at += 2 + length;
  }
  return frames;
}

let run: (connection: Duplex) => Promise<void>;
let server: HttpServer;
let client: FakeClient;
const received = () => framesOf(Buffer.from(client.text.slice(client.text.indexOf('\r\n\r\n') + 4), 'latin1'));

beforeEach(() => {
  const handler = async (request: Parameters<typeof acceptWebSocket>[0]) =>
    acceptWebSocket(request, { binary: true })(run);
  server = new HttpServer({ handler, headers: {} });
  client = new FakeClient();
  server.accept(client.stream);
});

afterEach(() => server.close(0));

test('the handshake is answered as RFC 6455 shows', async () => {
  run = async () => undefined;
  client.send(HANDSHAKE);
  const reply = await client.untilText('\r\n\r\n');
  expect(reply).toStartWith('HTTP/1.1 101 Switching Protocols\r\n');
  expect(reply).toContain('Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n');
});

test('bytes go both ways, pings are answered, and a close is returned', async () => {
  run = async connection => {
    for await (const chunk of connection.input) {
      await connection.write(Buffer.from(Buffer.from(chunk).toString().toUpperCase()));
    }
  };
  client.send(HANDSHAKE);
  client.send(masked(2, Buffer.from('abc')));
  client.send(masked(1, Buffer.from('de'), false));
  client.send(masked(9, Buffer.from('hi')));
  client.send(masked(0, Buffer.from('f')));
  client.send(masked(8, Buffer.from([3, 232])));
  await client.until(({ ended }) => ended);
  expect(received()).toEqual([
    { opcode: 2, payload: 'ABC' },
    { opcode: 2, payload: 'DE' },
    { opcode: 10, payload: 'hi' },
    { opcode: 2, payload: 'F' },
    { opcode: 8, payload: '\x03\xe8' },
  ]);
});

test('the end of the stream is a close', async () => {
  run = async connection => void (await connection.write(Buffer.from('bye')));
  client.send(HANDSHAKE);
  await client.until(({ ended }) => ended);
  expect(received().map(({ opcode }) => opcode)).toEqual([2, 8]);
});

test('a client that does not mask is told that it broke the protocol', async () => {
  let inputEnded = false;
  run = async connection => {
    for await (const _chunk of connection.input);
    inputEnded = true;
  };
  client.send(HANDSHAKE);
  await client.untilText('\r\n\r\n');
  client.send(encodeFrame(2, Buffer.from('abc')));
  await client.until(({ ended }) => ended);
  await settle();
  expect(inputEnded).toBe(true);
  expect(received()).toEqual([{ opcode: 8, payload: '\x03\xea' }]);
});

test('frames of every length are understood wherever they are cut', () => {
  for (const length of [0, 1, 125, 126, 65_535, 65_536]) {
    const payload = Buffer.alloc(length, 'x');
    const bytes = masked(2, payload);
    for (const cut of [1, 2, 3, 5, 9, 13, bytes.length - 1].filter(at => at < bytes.length)) {
      const reader = new FrameReader();
      const frames = [...reader.feed(bytes.subarray(0, cut)), ...reader.feed(bytes.subarray(cut))];
      expect(frames.length).toBe(1);
      expect(Buffer.from(frames[0]!.payload).equals(payload)).toBe(true);
    }
  }
});
