import { expect, test } from 'bun:test';
import { parseGoDuration, parseTimestamp } from './timestamp.ts';

test('durations are Go’s', () => {
  expect(parseGoDuration('1h30m')).toBe(5_400_000);
  expect(parseGoDuration('1.5s')).toBe(1500);
  expect(parseGoDuration('-2ms')).toBe(-2);
  expect(parseGoDuration('0')).toBe(0);
  for (const wrong of ['', '5', 'h', '1x', '1h 2m']) expect(parseGoDuration(wrong)).toBeUndefined();
});

test('a moment is seconds, a date or a time ago', () => {
  const now = Date.parse('2024-05-01T12:00:00Z');
  expect(parseTimestamp('1700000000.5').getTime()).toBe(1_700_000_000_500);
  expect(parseTimestamp('2024-01-02T03:04:05Z').toISOString()).toBe('2024-01-02T03:04:05.000Z');
  expect(parseTimestamp('2024-01-02T03:04:05+02:00').toISOString()).toBe('2024-01-02T01:04:05.000Z');
  expect(parseTimestamp('10m', now).toISOString()).toBe('2024-05-01T11:50:00.000Z');
  expect(() => parseTimestamp('yesterday')).toThrow('invalid timestamp');
});
