import { expect, test } from 'bun:test';
import { decodeName, encodeName } from './file-name.ts';

test('UTF-8 names read as they are written', () => {
  for (const name of ['plain', 'Főtanúsítvány.crt', '文字', '😀', 'a\ufffdb', '']) {
    expect(decodeName(Buffer.from(name))).toBe(name);
    expect(encodeName(name)).toEqual(Buffer.from(name));
  }
});

test('any bytes survive the way through a string', () => {
  for (let round = 0; round < 2000; round++) {
    const bytes = crypto.getRandomValues(new Uint8Array(1 + (round % 24)));
    expect(encodeName(decodeName(bytes))).toEqual(Buffer.from(bytes));
  }
});

test('different bytes never become the same name', () => {
  const names = [[0xff], [0xef, 0xbf, 0xbd], [0xc3], [0xc3, 0xa9], [0xed, 0xb2, 0x80], [0xc0, 0x80], [0xf5, 0x80]];
  expect(new Set(names.map(bytes => decodeName(Buffer.from(bytes)))).size).toBe(names.length);
});
