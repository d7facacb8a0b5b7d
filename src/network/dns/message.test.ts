import { expect, test } from 'bun:test';
import {
  type Answer,
  addressOfPointer,
  firstMessage,
  framed,
  parseQuery,
  RCODE,
  resultOf,
  TYPE,
  writeResponse,
} from './message.ts';

const name = (text: string) =>
  Buffer.concat([
    ...text.split('.').map(label => Buffer.concat([Buffer.of(label.length), Buffer.from(label)])),
    Buffer.of(0),
  ]);

function query(host: string, type: number, options: { flags?: number; additional?: Buffer } = {}): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt16BE(0x1234, 0);
  header.writeUInt16BE(options.flags ?? 0x0100, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(options.additional ? 1 : 0, 10);
  return Buffer.concat([header, name(host), Buffer.of(0, type, 0, 1), options.additional ?? Buffer.alloc(0)]);
}

const largeLimit = (size: number) => Buffer.of(0, 0, TYPE.OPT, size >> 8, size & 0xff, 0, 0, 0, 0, 0, 0);

const addresses = (count: number): Answer[] =>
  Array.from({ length: count }, (_, index) => ({ type: TYPE.A, address: Uint8Array.of(10, 0, 0, index) }));

test('a query is read: name in lower case, type, the size of answer it takes', () => {
  const parsed = parseQuery(query('Web.Example', TYPE.AAAA))!;
  expect(parsed).toMatchObject({
    id: 0x1234,
    name: 'web.example',
    type: TYPE.AAAA,
    limit: 512,
    recursionDesired: true,
  });
  expect(parseQuery(query('web', TYPE.A, { additional: largeLimit(4096) }))!.limit).toBe(4096);
  expect(parseQuery(query('web', TYPE.A, { additional: largeLimit(100) }))!.limit).toBe(512);
});

test('what is no query is not answered', () => {
  const whole = query('web.example', TYPE.A);
  for (let length = 0; length < whole.length; length++) expect(parseQuery(whole.subarray(0, length))).toBeUndefined();
  expect(parseQuery(query('web', TYPE.A, { flags: 0x8100 }))).toBeUndefined();
  expect(parseQuery(query('web', TYPE.A, { flags: 0x2800 }))).toBeUndefined();
  const twoQuestions = query('web', TYPE.A);
  twoQuestions.writeUInt16BE(2, 4);
  expect(parseQuery(twoQuestions)).toBeUndefined();
  const pointer = Buffer.concat([query('web', TYPE.A).subarray(0, 12), Buffer.of(0xc0, 12, 0, 1, 0, 1)]);
  expect(parseQuery(pointer)).toBeUndefined();
});

test('random bytes are read without harm', () => {
  let seed = 7;
  const random = () => {
    seed = (seed * 1103515245 + 12345) % 0x80000000;
    return seed & 0xff;
  };
  for (let round = 0; round < 5000; round++) {
    const packet = Buffer.from(Array.from({ length: 1 + (round % 80) }, random));
    packet.writeUInt8(0, 0);
    if (packet.length > 5) packet.set([1, 0, 0, 1], 2);
    expect(() => parseQuery(packet)).not.toThrow();
  }
});

test('an answer repeats the question and has its records', () => {
  const packet = query('Web', TYPE.A);
  const response = writeResponse(parseQuery(packet)!, RCODE.ok, addresses(2), 512);
  expect(response.readUInt16BE(0)).toBe(0x1234);
  expect(response.readUInt16BE(2)).toBe(0x8180);
  expect(response.readUInt16BE(6)).toBe(2);
  expect(response.subarray(12, packet.length)).toEqual(packet.subarray(12));
  expect([...response.subarray(-4)]).toEqual([10, 0, 0, 1]);
});

test('an answer that does not fit is cut and says so', () => {
  const response = writeResponse(parseQuery(query('web', TYPE.A))!, RCODE.ok, addresses(100), 512);
  expect(response.length).toBeLessThanOrEqual(512);
  expect(response.readUInt16BE(2) & 0x0200).toBe(0x0200);
  expect(response.readUInt16BE(6)).toBe(Math.floor((512 - 12 - 9) / 16));
});

test('a pointer is answered with a name', () => {
  const parsed = parseQuery(query('2.0.0.10.in-addr.arpa', TYPE.PTR))!;
  const response = writeResponse(parsed, RCODE.ok, [{ type: TYPE.PTR, name: 'web.backend' }], 512);
  expect(response.subarray(-13)).toEqual(name('web.backend'));
});

test('addresses behind pointers', () => {
  expect(addressOfPointer('2.0.0.10.in-addr.arpa')).toBe('10.0.0.2');
  const nibbles = '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa';
  expect(addressOfPointer(nibbles)).toBe('2001:0db8:0000:0000:0000:0000:0000:0001');
  expect(addressOfPointer('2.0.10.in-addr.arpa')).toBeUndefined();
  expect(addressOfPointer('web')).toBeUndefined();
});

test('only the answer to this very question is taken', () => {
  const packet = query('web', TYPE.A);
  const parsed = parseQuery(packet)!;
  const answer = writeResponse(parsed, RCODE.nameError, [], 512);
  expect(resultOf(answer, 0x1234, parsed.question)).toBe(RCODE.nameError);
  expect(resultOf(answer, 0x1235, parsed.question)).toBeUndefined();
  expect(resultOf(packet, 0x1234, parsed.question)).toBeUndefined();
  expect(resultOf(answer, 0x1234, parseQuery(query('www', TYPE.A))!.question)).toBeUndefined();
  const shouting = writeResponse(parseQuery(query('WEB', TYPE.A))!, RCODE.ok, [], 512);
  expect(resultOf(shouting, 0x1234, parsed.question)).toBe(RCODE.ok);
});

test('messages of a stream', () => {
  const stream = Buffer.concat([framed(Buffer.from('abc')), framed(Buffer.from('de'))]);
  expect(firstMessage(stream)?.toString()).toBe('abc');
  expect(firstMessage(stream.subarray(0, 4))).toBeUndefined();
  expect(firstMessage(stream.subarray(5))?.toString()).toBe('de');
});
