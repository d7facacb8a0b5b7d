import { expect, test } from 'bun:test';
import { withoutFirst } from './streams.ts';

test('what is left of some chunks', () => {
  const chunks = ['ab', '', 'cde'].map(text => Buffer.from(text));
  const left = (bytes: number) => withoutFirst(chunks, bytes).map(chunk => Buffer.from(chunk).toString());
  expect([0, 1, 2, 4, 5].map(left)).toEqual([['ab', 'cde'], ['b', 'cde'], ['cde'], ['e'], []]);
});
