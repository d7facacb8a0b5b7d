import { expect, test } from 'bun:test';
import { alignTabs } from './tab-writer.ts';

test('columns are as wide as their widest cell, and ten at least', () => {
  expect(alignTabs('ID\tNAME\tX\nabcdefghijklm\tb\tlast one\n')).toBe(
    'ID              NAME      X\nabcdefghijklm   b         last one\n',
  );
});

test('the last cell of a line makes no column', () => {
  expect(alignTabs('a\tsomething long\nb\tc\td\n', { minWidth: 0, padding: 1 })).toBe('a something long\nb c d\n');
});

test('a line without the cell ends the column', () => {
  const text = 'wide wide wide\tx\n\nnarrow\ty\n';
  expect(alignTabs(text, { minWidth: 0, padding: 1 })).toBe('wide wide wide x\n\nnarrow y\n');
});

test('wide characters take two columns', () => {
  expect(alignTabs('日本\tx\nabcd\tx\n', { minWidth: 0, padding: 1 })).toBe('日本 x\nabcd x\n');
});

test('text without a line end gets none', () => {
  expect(alignTabs('a\tb')).toBe('a         b');
});
