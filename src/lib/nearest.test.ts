import { expect, test } from 'bun:test';
import { nearest } from './nearest.ts';

const names = ['image', 'images', 'ps', 'pause', 'unpause', 'run', 'rm', 'container'];

test.each([
  ['imags', 'images'],
  ['imagse', 'images'],
  ['rnu', 'run'],
  ['contianer', 'container'],
  ['contanr', 'container'],
  ['p', 'ps'],
])('%s is close to %s', (word, name) => {
  expect(nearest(word, names)).toBe(name);
});

test('what is close to nothing has no neighbour', () => {
  for (const word of ['foo', 'compose', 'xyzzy']) expect(nearest(word, names)).toBeUndefined();
});
