import { expect, test } from 'bun:test';
import { displayWidth, ellipsis } from './display-width.ts';

test('wide characters count twice, marks not at all', () => {
  expect(displayWidth('abc')).toBe(3);
  expect(displayWidth('日本語')).toBe(6);
  expect(displayWidth('e\u0301…')).toBe(2);
  expect(displayWidth('🐳')).toBe(2);
});

test('a text that is too long ends with an ellipsis', () => {
  expect(ellipsis('sleep 1000', 20)).toBe('sleep 1000');
  expect(ellipsis('a command line that is long', 20)).toBe('a command line that…');
  expect(ellipsis('exactly twenty chars', 20)).toBe('exactly twenty chars');
  expect(ellipsis('日本語日本語', 5)).toBe('日本…');
  expect(ellipsis('abc', 1)).toBe('a');
  expect(ellipsis('abc', 0)).toBe('');
});
