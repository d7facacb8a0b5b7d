import { describe, expect, test } from 'bun:test';
import { filterFlag, filtersOf, parseFilters } from './filters.ts';
import { Query } from './query.ts';

test('both of the forms that clients send are read', () => {
  expect(parseFilters('{"label":["a","b=c"]}')).toEqual({ label: ['a', 'b=c'] });
  expect(parseFilters('{"label":{"a":true,"b=c":true}}')).toEqual({ label: ['a', 'b=c'] });
  expect(parseFilters('')).toEqual({});
  expect(parseFilters('null')).toEqual({});
  expect(parseFilters('{"label":["a","a"]}')).toEqual({ label: ['a'] });
});

test.each(['{', '[]', '"x"', '{"a":"b"}', '{"a":[1]}', '{"a":{"b":1}}'])('%s makes no sense', text => {
  expect(() => parseFilters(text)).toThrow('invalid filter');
});

test('an unknown filter is named', () => {
  const query = new Query(`filters=${encodeURIComponent('{"nope":["x"]}')}`);
  expect(() => filtersOf(query, ['label'])).toThrow("invalid filter 'nope'");
});

describe('a yes or no', () => {
  test('is one of four words', () => {
    expect(filterFlag({ dangling: ['true'] }, 'dangling')).toBe(true);
    expect(filterFlag({ dangling: ['1'] }, 'dangling')).toBe(true);
    expect(filterFlag({ dangling: ['false'] }, 'dangling')).toBe(false);
    expect(filterFlag({ dangling: ['0'] }, 'dangling')).toBe(false);
    expect(filterFlag({}, 'dangling')).toBeUndefined();
  });
  test('is not both, nor anything else', () => {
    expect(() => filterFlag({ dangling: ['true', 'false'] }, 'dangling')).toThrow(
      "invalid filter 'dangling=[true false]'",
    );
    expect(() => filterFlag({ dangling: ['x'] }, 'dangling')).toThrow("invalid filter 'dangling=[x]'");
  });
});
