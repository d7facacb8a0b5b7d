import { expect, test } from 'bun:test';
import {
  addressBytes,
  addressFromBytes,
  contains,
  formatAddress,
  formatPrefix,
  lastOf,
  masked,
  overlaps,
  parseAddress,
  parsePrefix,
  requireAddress,
  requirePrefix,
  sizeOf,
} from './addresses.ts';

test('addresses are read and written in their canonical form', () => {
  for (const [text, canonical] of [
    ['192.168.0.1', '192.168.0.1'],
    ['255.255.255.255', '255.255.255.255'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['fe80:0:0:0:1:2:3:4', 'fe80::1:2:3:4'],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['64:ff9b::1.2.3.4', '64:ff9b::102:304'],
  ] as const) {
    expect(formatAddress(requireAddress(text))).toBe(canonical);
  }
});

test('what is no address is not taken for one', () => {
  for (const text of ['', '1.2.3', '1.2.3.256', 'x', '1::2::3', 'fe80::1%eth0', '01.2.3.4x']) {
    expect(parseAddress(text)).toBeUndefined();
  }
  for (const text of ['10.0.0.0', '10.0.0.0/33', '10.0.0.0/', '::/129', '10.0.0.0/-1']) {
    expect(parsePrefix(text)).toBeUndefined();
  }
});

test('bytes and numbers are the same address', () => {
  for (const text of ['10.1.2.3', '2001:db8::5']) {
    const address = requireAddress(text);
    expect(addressFromBytes(addressBytes(address))).toEqual(address);
  }
});

test('prefix arithmetic', () => {
  const prefix = requirePrefix('10.1.2.3/16');
  expect(formatPrefix(masked(prefix))).toBe('10.1.0.0/16');
  expect(sizeOf(prefix)).toBe(65536n);
  expect(formatAddress({ family: 4, value: lastOf(prefix) })).toBe('10.1.255.255');
  expect(contains(prefix, requireAddress('10.1.9.9'))).toBe(true);
  expect(contains(prefix, requireAddress('10.2.0.0'))).toBe(false);
  expect(contains(requirePrefix('::/0'), requireAddress('10.1.0.0'))).toBe(false);
  expect(overlaps(prefix, requirePrefix('10.0.0.0/8'))).toBe(true);
  expect(overlaps(prefix, requirePrefix('10.2.0.0/16'))).toBe(false);
});
