import { expect, test } from 'bun:test';
import { parseZoneNames } from './local-time.ts';

/** A zone file with one block of the given width, as the specification lays it out. */
function block(timeSize: 4 | 8, version: number, types: [number, string][], uses: number[]): Buffer {
  const names = types.map(([, name]) => `${name}\0`).join('');
  const header = Buffer.alloc(44);
  header.write('TZif', 'latin1');
  header[4] = version;
  header.writeUInt32BE(uses.length, 32);
  header.writeUInt32BE(types.length, 36);
  header.writeUInt32BE(names.length, 40);
  let start = 0;
  const entries = types.map(([offset, name]) => {
    const entry = Buffer.alloc(6);
    entry.writeInt32BE(offset, 0);
    entry[5] = start;
    start += name.length + 1;
    return entry;
  });
  return Buffer.concat([
    header,
    Buffer.alloc(uses.length * timeSize),
    Buffer.from(uses),
    ...entries,
    Buffer.from(names),
  ]);
}

const berlin: [number, string][] = [
  [3208, 'LMT'],
  [7200, 'CEST'],
  [3600, 'CET'],
];

test('names of a zone by their offset', () => {
  const names = parseZoneNames(block(4, 0, berlin, [1, 2]));
  expect([names.get(120), names.get(60)]).toEqual(['CEST', 'CET']);
});

test('files of version 2 say it in their second block; the first may be empty', () => {
  const file = Buffer.concat([block(4, 0x32, [], []), block(8, 0x32, berlin, [1, 2])]);
  expect(parseZoneNames(file).get(60)).toBe('CET');
});

test('of two names for one offset the one in use counts', () => {
  const types: [number, string][] = [
    [3600, 'OLD'],
    [3600, 'NEW'],
  ];
  expect(parseZoneNames(block(4, 0, types, [0, 1])).get(60)).toBe('NEW');
});

test('what is no zone file has no names', () => {
  expect(parseZoneNames(Buffer.from('nonsense')).size).toBe(0);
});
