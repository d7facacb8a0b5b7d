import { expect, test } from 'bun:test';
import { compareNatural } from './natural-order.ts';

test('numbers in names count as numbers', () => {
  const names = ['net10', 'net2', 'a', 'net1', 'net', 'net02', 'b-1', 'b'];
  expect(names.sort(compareNatural)).toEqual(['a', 'b', 'b-1', 'net', 'net1', 'net2', 'net02', 'net10']);
});
