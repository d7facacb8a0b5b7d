import { expect, test } from 'bun:test';
import { readJsonText, wholeCharacters, worstGrowth, writeJsonText } from './json-text.ts';

function write(bytes: Uint8Array): string {
  const out = Buffer.alloc(bytes.length * worstGrowth);
  return out.toString('utf8', 0, writeJsonText(bytes, 0, bytes.length, out, 0));
}

function read(text: string): Buffer {
  const bytes = Buffer.from(text);
  const out = Buffer.alloc(bytes.length);
  return out.subarray(0, readJsonText(bytes, 0, bytes.length, out));
}

test('every byte and many characters are what JSON says they are, and come back', () => {
  const texts = ['', 'plain', 'äöü €  \u{1f600} \u2028\u2029', '"\\/<>&\u007f', '\ufffd', '\ud7ff\ue000\uffff'];
  texts.push(String.fromCharCode(...Array.from({ length: 128 }, (_, code) => code)));
  for (const text of texts) {
    const written = write(Buffer.from(text));
    expect(JSON.parse(`"${written}"`)).toBe(text);
    expect(read(written).toString()).toBe(text);
    // What other programs write may use other escapes.
    expect(read(JSON.stringify(text).slice(1, -1)).toString()).toBe(text);
  }
  expect(read('\\ud83d\\ude00\\u00e4\\/\\b\\f').toString()).toBe('\u{1f600}ä/\b\f');
  expect(read('\\ud83d x').toString()).toBe('\ufffd x');
});

test('is written as Docker writes it', () => {
  expect(write(Buffer.from('a <b>\ttab "q" \\\r\n&\x1b[0m\x00\u2028'))).toBe(
    'a \\u003cb\\u003e\\u0009tab \\"q\\" \\\\\\r\\n\\u0026\\u001b[0m\\u0000\\u2028',
  );
});

test.each([
  ['ff', '\\ufffd'],
  ['fffe20', '\\ufffd\\ufffd '],
  ['c0af', '\\ufffd\\ufffd'],
  ['e28061', '\\ufffd\\ufffda'],
  ['eda080', '\\ufffd\\ufffd\\ufffd'],
  ['f4908080', '\\ufffd\\ufffd\\ufffd\\ufffd'],
  ['f09f9880', '\u{1f600}'],
  ['f09f98', '\\ufffd\\ufffd\\ufffd'],
  ['c3', '\\ufffd'],
])('bytes %s that are no UTF-8 become %s', (hex, text) => {
  expect(write(Buffer.from(hex, 'hex'))).toBe(text);
});

test('a piece ends between characters', () => {
  const bytes = Buffer.from('ab€\u{1f600}');
  expect([1, 2, 3, 4, 5, 6, 7, 8, 9].map(end => wholeCharacters(bytes, 0, end))).toEqual([1, 2, 2, 2, 5, 5, 5, 5, 9]);
  expect(wholeCharacters(Buffer.from([0x80, 0x80, 0x80, 0x80]), 0, 4)).toBe(4);
});
