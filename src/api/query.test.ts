import { describe, expect, test } from 'bun:test';
import { Query } from './query.ts';

test('values come in order, unescaped', () => {
  const query = new Query('a=1&b=x%3Dy+z&a=2&empty&=&c=%E2%82%AC');
  expect(query.text('a')).toBe('1');
  expect(query.all('a')).toEqual(['1', '2']);
  expect(query.text('b')).toBe('x=y z');
  expect(query.has('empty')).toBe(true);
  expect(query.text('empty')).toBe('');
  expect(query.has('none')).toBe(false);
  expect(query.text('c')).toBe('€');
});

test.each([
  ['', false],
  ['0', false],
  ['no', false],
  ['False', false],
  ['none', false],
  [' 0 ', false],
  ['1', true],
  ['true', true],
  ['yes', true],
  ['2', true],
  ['x', true],
])('the flag %j is %p', (value, expected) => {
  expect(new Query(`f=${encodeURIComponent(value)}`).flag('f', true)).toBe(expected);
});

test('an absent flag is what the handler says', () => {
  expect(new Query('').flag('f')).toBe(false);
  expect(new Query('').flag('f', true)).toBe(true);
});

describe('whole numbers', () => {
  test('are read', () => {
    expect(new Query('n=-5').integer('n')).toBe(-5);
    expect(new Query('n=').integer('n')).toBeUndefined();
  });
  test.each(['x', '1.5', '1e3', '99999999999999999999'])('%s is none', value => {
    expect(() => new Query(`n=${value}`).integer('n')).toThrow("invalid value for 'n'");
  });
});

describe('times', () => {
  const cases: [string, bigint | undefined][] = [
    ['', undefined],
    ['0', undefined],
    ['1', 1_000_000_000n],
    ['1700000000.000000001', 1_700_000_000_000_000_001n],
    ['1700000000.5', 1_700_000_000_500_000_000n],
    ['-1.5', -1_500_000_000n],
  ];
  test.each(cases)('%s', (value, expected) => {
    expect(new Query(`t=${value}`).time('t')).toBe(expected!);
  });
  test.each(['yesterday', '1.0000000001', '2020-01-01T00:00:00Z', '.5'])('%s is none', value => {
    expect(() => new Query(`t=${value}`).time('t')).toThrow('invalid value for "t"');
  });
});

test('sizes are unsigned', () => {
  expect(new Query('h=24').size('h')).toBe(24);
  for (const bad of ['', '-1', 'x', '4294967296']) {
    expect(() => new Query(`h=${bad}`).size('h')).toThrow(`invalid resize height "${bad}"`);
  }
});
