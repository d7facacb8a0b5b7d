import { expect, test } from 'bun:test';
import { fixedTime, isBefore, parseTime, type RecordTime, recordTime, shortestTime } from './record-time.ts';

function parse(text: string): RecordTime | undefined {
  const time: RecordTime = { seconds: 0, nanoseconds: 0 };
  return parseTime(Buffer.from(`??${text} stdout F x`), 2, time) ? time : undefined;
}

test.each([
  ['1970-01-01T00:00:00Z', '1970-01-01T00:00:00.000000000Z', '1970-01-01T00:00:00Z'],
  ['2026-01-02T03:04:05.123456789+00:00', '2026-01-02T03:04:05.123456789Z', '2026-01-02T03:04:05.123456789Z'],
  ['2026-01-02T03:04:05.1200Z', '2026-01-02T03:04:05.120000000Z', '2026-01-02T03:04:05.12Z'],
  ['2024-02-29T23:30:00.5-05:30', '2024-03-01T05:00:00.500000000Z', '2024-03-01T05:00:00.5Z'],
  ['2000-01-01T00:00:00+14:00', '1999-12-31T10:00:00.000000000Z', '1999-12-31T10:00:00Z'],
  ['1969-12-31T23:59:59.9Z', '1969-12-31T23:59:59.900000000Z', '1969-12-31T23:59:59.9Z'],
])('%s', (text, fixed, shortest) => {
  expect(fixedTime(parse(text)!)).toBe(fixed);
  expect(shortestTime(parse(text)!)).toBe(shortest);
});

test('agrees with Date on every day of four centuries, and with nanoseconds both ways', () => {
  for (let day = -70_000; day < 80_000; day += 13) {
    const milliseconds = day * 86_400_000 + ((day * 7919) % 86_400_000);
    const time = parse(new Date(milliseconds).toISOString())!;
    expect(time).toEqual(recordTime(BigInt(milliseconds) * 1_000_000n));
  }
});

test.each(['', 'yesterday', '2026-01-02 03:04:05Z', '2026-01-02T03:04:05'])('%p is no time', text => {
  expect(parse(text)).toBeUndefined();
});

test('order', () => {
  const [a, b, c] = [
    parse('2026-01-01T00:00:00.1Z')!,
    parse('2026-01-01T00:00:00.2Z')!,
    parse('2026-01-01T00:00:01Z')!,
  ];
  expect([isBefore(a, b), isBefore(b, a), isBefore(b, c), isBefore(a, a)]).toEqual([true, false, true, false]);
});
