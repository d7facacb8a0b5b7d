import { expect, test } from 'bun:test';
import {
  type Answer,
  addressOfPointer,
  CLASS,
  firstMessage,
  framed,
  isVersionKnown,
  parseQuery,
  RCODE,
  receive,
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

const twice = (bytes: Buffer) => Buffer.concat([bytes, bytes]);

function patched(packet: Buffer, at: number, value: number): Buffer {
  packet.writeUInt16BE(value, at);
  return packet;
}

const addresses = (count: number): Answer[] =>
  Array.from({ length: count }, (_, index) => ({ type: TYPE.A, address: Uint8Array.of(10, 0, 0, index) }));

test('a query is read: name in lower case, type, the size of answer it takes', () => {
  const parsed = parseQuery(query('Web.Example', TYPE.AAAA))!;
  expect(parsed).toMatchObject({
    id: 0x1234,
    name: 'web.example',
    type: TYPE.AAAA,
    class: CLASS.internet,
    limit: 512,
    recursionDesired: true,
  });
  expect(parseQuery(query('web', TYPE.A, { additional: largeLimit(4096) }))!.limit).toBe(4096);
  expect(parseQuery(query('web', TYPE.A, { additional: largeLimit(100) }))!.limit).toBe(512);
});

test('what is an answer itself, or less than a header, is not answered', () => {
  const whole = query('web.example', TYPE.A);
  for (let length = 0; length < 12; length++) expect(receive(whole.subarray(0, length))).toBeUndefined();
  expect(receive(query('web', TYPE.A, { flags: 0x8100 }))).toBeUndefined();
  expect(receive(query('web', TYPE.A, { flags: 0xa900 }))).toBeUndefined();
});

/** The header is all of it. */
function refusalOf(packet: Buffer): { id: number; flags: number; counts: number[]; length: number } {
  const received = receive(packet);
  if (received?.kind !== 'refusal') throw new Error('this was no refusal');
  const { response } = received;
  const counts = [4, 6, 8, 10].map(at => response.readUInt16BE(at));
  return { id: response.readUInt16BE(0), flags: response.readUInt16BE(2), counts, length: response.length };
}

test('another operation than a query is not implemented, whatever follows', () => {
  const empty = { id: 0x1234, counts: [0, 0, 0, 0], length: 12 };
  const update = query('web', TYPE.A, { flags: 0x2900 });
  expect(refusalOf(update)).toEqual({ ...empty, flags: 0xa984 });
  expect(refusalOf(update.subarray(0, 12))).toEqual({ ...empty, flags: 0xa984 });
  // A query of status, of somebody who does not want recursion.
  expect(refusalOf(query('web', TYPE.A, { flags: 0x1000 }))).toEqual({ ...empty, flags: 0x9084 });
});

test.each<[string, Buffer]>([
  ['no question', patched(query('web', TYPE.A), 4, 0)],
  ['two questions', patched(query('web', TYPE.A), 4, 2)],
  ['a name that points', Buffer.concat([query('web', TYPE.A).subarray(0, 12), Buffer.of(0xc0, 12, 0, 1, 0, 1)])],
  ['a name that is too long', query(Array(5).fill('a'.repeat(63)).join('.'), TYPE.A)],
  ['a record that is not there', patched(query('web', TYPE.A), 10, 1)],
  ['half a record', query('web', TYPE.A, { additional: largeLimit(512).subarray(0, 9) })],
  ['two sets of options', patched(query('web', TYPE.A, { additional: twice(largeLimit(512)) }), 10, 2)],
  ['options of a name', query('web', TYPE.A, { additional: Buffer.concat([name('x'), largeLimit(512).subarray(1)]) })],
  ...Array.from({ length: query('web', TYPE.A).length - 12 }, (_, cut): [string, Buffer] => [
    `all but ${cut + 1} bytes`,
    query('web', TYPE.A).subarray(0, -1 - cut),
  ]),
])('%s is told to be malformed', (_, packet) => {
  expect(refusalOf(packet)).toMatchObject({ id: 0x1234, flags: 0x8181, counts: [0, 0, 0, 0] });
});

test('options are found behind other records, and repeated in the answer', () => {
  const other = Buffer.concat([Buffer.of(0xc0, 12, 0, TYPE.A, 0, 1, 0, 0, 0, 0, 0, 4, 10, 0, 0, 1)]);
  const packet = patched(query('web', TYPE.A, { additional: Buffer.concat([other, largeLimit(1000)]) }), 10, 2);
  packet.writeUInt16BE(0x8000, packet.length - 4);
  const parsed = parseQuery(packet)!;
  expect(parsed).toMatchObject({ limit: 1000, edns: { version: 0, wantsSignatures: true } });
  const response = writeResponse(parsed, RCODE.ok, addresses(1), 512);
  expect(response.readUInt16BE(10)).toBe(1);
  expect([...response.subarray(-11)]).toEqual([0, 0, TYPE.OPT, 0x10, 0, 0, 0, 0x80, 0, 0, 0]);
  // They are part of what must fit.
  expect(writeResponse(parsed, RCODE.ok, addresses(100), 512).length).toBeLessThanOrEqual(512);
});

test('options of a version that is not known are said to be that', () => {
  const options = largeLimit(1000);
  options[6] = 1;
  const parsed = parseQuery(query('web', TYPE.A, { additional: options }))!;
  expect(isVersionKnown(parsed)).toBe(false);
  expect(isVersionKnown(parseQuery(query('web', TYPE.A, { additional: largeLimit(1000) }))!)).toBe(true);
  const response = writeResponse(parsed, RCODE.badVersion, [], 512);
  expect(response.readUInt16BE(2) & 0xf).toBe(0);
  expect([...response.subarray(-11)]).toEqual([0, 0, TYPE.OPT, 0x10, 0, 1, 0, 0, 0, 0, 0]);
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
    expect(() => receive(packet)).not.toThrow();
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
