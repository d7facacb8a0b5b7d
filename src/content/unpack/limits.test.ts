import { expect, test } from 'bun:test';
import { tmpdir } from 'node:os';
import { UnpackLimits } from './limits.ts';

const bomb = { size: 1000, ratio: 10 };

test('what grows too much, and is large, is a bomb', () => {
  const limits = new UnpackLimits(tmpdir(), bomb);
  for (let count = 0; count < 10; count++) limits.count(100, 20);
  expect(() => limits.count(100, 20)).toThrow('decompression bomb');
});

test('what is small may grow as it likes, what grows little may be large', () => {
  const small = new UnpackLimits(tmpdir(), bomb);
  small.count(1000, 1);
  const large = new UnpackLimits(tmpdir(), bomb);
  for (let count = 1; count < 1000; count++) large.count(100, count * 10);
});
