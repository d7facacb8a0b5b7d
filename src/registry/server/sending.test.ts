import { expect, test } from 'bun:test';
import { parseRange } from './sending.ts';

const cases: [string | null, number, ReturnType<typeof parseRange>][] = [
  [null, 10, undefined],
  ['bytes=0-0', 10, [0, 1]],
  ['bytes=3-', 10, [3, 10]],
  ['bytes=3-99', 10, [3, 10]],
  ['bytes=-4', 10, [6, 10]],
  ['bytes=-99', 10, [0, 10]],
  ['bytes=10-', 10, 'unsatisfiable'],
  ['bytes=0-', 0, 'unsatisfiable'],
  ['bytes=-0', 10, 'unsatisfiable'],
  ['bytes=5-3', 10, undefined],
  ['bytes=-', 10, undefined],
  ['bytes=0-1,4-5', 10, undefined],
  ['lines=0-1', 10, undefined],
];
test.each(cases)('%p of %p bytes', (header, size, range) => {
  expect(parseRange(header, size)).toEqual(range);
});
