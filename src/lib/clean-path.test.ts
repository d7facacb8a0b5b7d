import { expect, test } from 'bun:test';
import { normalize, resolve } from 'node:path';
import { absolutePath, cleanPath } from './clean-path.ts';

const paths = [
  '/',
  '.',
  '..',
  '/a/b',
  '/a/../b',
  'a//b/',
  './a/./b',
  '../a/../../b',
  '/../a',
  '/a/b/../../..',
  'a/..',
  '...',
];

test.each(paths)('%s means the same', path => {
  expect(cleanPath(path)).toBe(normalize(path).replace(/(.)\/$/, '$1'));
  expect(absolutePath(path)).toBe(resolve(path));
});
