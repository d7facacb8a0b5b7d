import { expect, test } from 'bun:test';
import { mostWaiting, Pace } from './pace.ts';

const megabyte = 1024 * 1024;

/** A log that grows and is looked at every ten milliseconds; what is due is converted at once. */
class Growing {
  now = 0;
  written = 0;
  converted = 0;
  readonly pace: Pace;

  constructor(most?: number) {
    this.pace = new Pace(most, () => this.now);
  }

  get waiting(): number {
    return this.written - this.converted;
  }

  /** Returns after how many milliseconds something was due, undefined if nothing was. */
  grow(bytes: number, milliseconds: number): number | undefined {
    for (let passed = 10; passed <= milliseconds; passed += 10) {
      this.now += 10;
      this.written += (bytes / milliseconds) * 10;
      if (!this.pace.isDue(this.written, this.waiting)) continue;
      this.converted = this.written;
      return passed;
    }
    return undefined;
  }
}

test('slow output is converted within tens of milliseconds, again and again', () => {
  const log = new Growing();
  for (let second = 0; second < 20; second++) expect(log.grow(100_000, 1000)).toBeLessThanOrEqual(40);
});

test('fast output waits until it slows, and no longer', () => {
  const log = new Growing();
  log.grow(100, 100);
  expect(log.grow(100 * megabyte, 1000)).toBeUndefined();
  expect(log.grow(0, 1000)).toBeLessThanOrEqual(200);
  expect(log.waiting).toBe(0);
  expect(log.grow(100, 100)).toBeLessThanOrEqual(40);
});

test('a pause that is none does not count', () => {
  const log = new Growing();
  for (let burst = 0; burst < 10; burst++) {
    expect(log.grow(10 * megabyte, 100)).toBeUndefined();
    expect(log.grow(0, 100)).toBeUndefined();
  }
});

test('output that stays fast waits some seconds', () => {
  const log = new Growing();
  const rates = [0, 1, 2].map(() => log.grow(320 * megabyte, 4000));
  for (const waited of rates) expect(waited).toBeWithin(2990, 3030);
});

test('no more waits than may', () => {
  const log = new Growing(10 * megabyte);
  expect(log.grow(100 * megabyte, 1000)).toBe(100);
});

test('what an earlier daemon left is not mistaken for growth', () => {
  const log = new Growing();
  log.written = 200 * megabyte;
  expect(log.grow(0, 100)).toBeLessThanOrEqual(30);
});

test('nothing is due of nothing', () => {
  expect(new Growing().grow(0, 5000)).toBeUndefined();
});

test('small files have little waiting for them', () => {
  expect(mostWaiting(Number.POSITIVE_INFINITY, 1)).toBe(256 * megabyte);
  expect(mostWaiting(10 * megabyte, 3)).toBe(30 * megabyte);
  expect(mostWaiting(1000, 1)).toBe(16 * megabyte);
});
