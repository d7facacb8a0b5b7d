import { describe, expect, test } from 'bun:test';
import {
  isIp,
  readBytes,
  readBytesOrUnlimited,
  readCsv,
  readDecimal,
  readDuration,
  scalarTypes,
  splitPair,
} from './flag-types.ts';

describe('sizes', () => {
  test.each([
    ['0', 0],
    ['10', 10],
    ['10b', 10],
    ['1k', 1024],
    ['1kb', 1024],
    ['1KiB', 1024],
    ['1.5g', 1.5 * 1024 ** 3],
    ['64 m', 64 * 1024 ** 2],
    ['.5k', 512],
    ['2T', 2 * 1024 ** 4],
  ])('%s', (text, bytes) => {
    expect(readBytes(text)).toBe(bytes);
  });

  test.each(['', 'x', '-1', '1x', '1kk', '1 2', '1kib2', 'b'])('%p is none', text => {
    expect(() => readBytes(text)).toThrow(/^invalid (size|suffix): /);
  });

  test('-1 is no limit where there can be one', () => {
    expect(readBytesOrUnlimited('-1')).toBe(-1);
    expect(readBytesOrUnlimited('1m')).toBe(1024 ** 2);
  });
});

describe('durations', () => {
  test.each([
    ['0', 0],
    ['5s', 5e9],
    ['1m30s', 90e9],
    ['1.5h', 5400e9],
    ['-2ms', -2e6],
    ['100us', 1e5],
    ['1µs', 1000],
    ['7ns', 7],
  ])('%s', (text, nanoseconds) => {
    expect(readDuration(text)).toBe(nanoseconds);
  });

  test.each([
    ['5', 'time: missing unit in duration "5"'],
    ['', 'time: invalid duration ""'],
    ['x', 'time: invalid duration "x"'],
    ['5d', 'time: unknown unit "d" in duration "5d"'],
    ['-', 'time: invalid duration "-"'],
  ])('%p', (text, message) => {
    expect(() => readDuration(text)).toThrow(message);
  });
});

describe('whole numbers', () => {
  test.each([
    ['10', 10],
    ['-5', -5],
    ['+5', 5],
    ['0x10', 16],
    ['010', 8],
    ['0b11', 3],
    ['1_000', 1000],
  ])('%s', (text, value) => {
    expect(scalarTypes.int(text)).toBe(value);
  });

  test('out of range', () => {
    expect(() => scalarTypes.uint16('65536')).toThrow('strconv.ParseUint: parsing "65536": value out of range');
    expect(() => scalarTypes.int('9223372036854775808')).toThrow('value out of range');
    expect(() => scalarTypes.uint64('-1')).toThrow('strconv.ParseUint: parsing "-1": invalid syntax');
  });
});

test('cpus are counted in billionths', () => {
  expect(readDecimal('1.5')).toBe(1.5e9);
  expect(readDecimal('2')).toBe(2e9);
  expect(readDecimal('.25')).toBe(25e7);
  expect(readDecimal('0.0000000010')).toBe(1);
  expect(() => readDecimal('0.0000000001')).toThrow('value is too precise');
  expect(() => readDecimal('abc')).toThrow('failed to parse abc as a rational number');
});

test('csv', () => {
  expect(readCsv('a,b')).toEqual(['a', 'b']);
  expect(readCsv('a,,b,')).toEqual(['a', '', 'b', '']);
  expect(readCsv('"a,b",c')).toEqual(['a,b', 'c']);
  expect(readCsv('"a ""b""",c')).toEqual(['a "b"', 'c']);
  expect(() => readCsv('')).toThrow('EOF');
  expect(() => readCsv('"a')).toThrow('extraneous or missing " in quoted-field');
  expect(() => readCsv('a"b')).toThrow('bare " in non-quoted-field');
});

test('pairs are cut at the first separator', () => {
  expect(splitPair('a=b=c')).toEqual(['a', 'b=c']);
  expect(splitPair('a')).toEqual(['a', '']);
  expect(splitPair('/x:y:z', ':')).toEqual(['/x', 'y:z']);
});

describe('addresses', () => {
  test.each(['1.2.3.4', '0.0.0.0', '::', '::1', '2001:db8::33', 'fe80::1:2', '1:2:3:4:5:6:7:8', '::ffff:1.2.3.4'])(
    '%s',
    text => {
      expect(isIp(text)).toBe(true);
    },
  );
  test.each(['', '1.2.3', '1.2.3.256', '01.2.3.4', ':::', '1::2::3', '1:2:3:4:5:6:7', 'g::1', '1.2.3.4:80', '::1.2.3'])(
    '%p is none',
    text => {
      expect(isIp(text)).toBe(false);
    },
  );
});
