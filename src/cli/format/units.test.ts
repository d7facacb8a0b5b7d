import { expect, test } from 'bun:test';
import { bytesSize, humanSize } from './units.ts';

test('sizes in powers of 1000 have four digits unless fewer are asked for', () => {
  const sizes: [number, string, string][] = [
    [0, '0B', '0B'],
    [999, '999B', '999B'],
    [1000, '1kB', '1kB'],
    [1024, '1.024kB', '1.02kB'],
    [1_982_291, '1.982MB', '1.98MB'],
    [999_999, '1000kB', '1e+03kB'],
    [12_345_678_901, '12.35GB', '12.3GB'],
    [1e15, '1PB', '1PB'],
    [-1, '-1B', '-1B'],
  ];
  for (const [size, four, three] of sizes) {
    expect(humanSize(size)).toBe(four);
    expect(humanSize(size, 3)).toBe(three);
  }
});

test('sizes in powers of 1024', () => {
  expect(bytesSize(25_276_510_208)).toBe('23.54GiB');
  expect(bytesSize(1024)).toBe('1KiB');
  expect(bytesSize(1023)).toBe('1023B');
  expect(bytesSize(64 * 1024 * 1024)).toBe('64MiB');
});
