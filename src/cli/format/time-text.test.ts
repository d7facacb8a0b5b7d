import { expect, test } from 'bun:test';
import { durationText, timeText } from './time-text.ts';

test('times of JSON print as Go prints them', () => {
  expect(timeText('2024-05-01T10:20:30.5Z')).toBe('2024-05-01 10:20:30.5 +0000 UTC');
  expect(timeText('2024-05-01T10:20:30.500000000+02:00')).toBe('2024-05-01 10:20:30.5 +0200 +0200');
  expect(timeText('0001-01-01T00:00:00Z')).toBe('0001-01-01 00:00:00 +0000 UTC');
  expect(timeText('nonsense')).toBe('nonsense');
});

test('durations print as Go prints them', () => {
  const durations: [bigint, string][] = [
    [0n, '0s'],
    [1n, '1ns'],
    [1_500n, '1.5µs'],
    [300_000_000n, '300ms'],
    [1_500_000_000n, '1.5s'],
    [90_000_000_000n, '1m30s'],
    [3_600_000_000_000n, '1h0m0s'],
    [-2_000_000_000n, '-2s'],
  ];
  for (const [nanoseconds, text] of durations) expect(durationText(nanoseconds)).toBe(text);
});
