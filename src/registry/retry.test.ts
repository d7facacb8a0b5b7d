import { expect, test } from 'bun:test';
import { ConnectionFailure, failureOf } from './failures.ts';
import { delayAfter } from './retry.ts';

const broken = new ConnectionFailure('the connection broke');
const answer = (status: number, retryAfter?: string) =>
  failureOf(new Response('', { status, headers: retryAfter === undefined ? {} : { 'Retry-After': retryAfter } }), 'it');

test('waits grow, and have an end', () => {
  const waits = [1, 2, 3, 4, 20].map(failures => delayAfter(failures, broken, () => 0.5));
  expect(waits).toEqual([1000, 2000, 4000, 8000, 60_000]);
});

test('waits differ by a quarter', () => {
  expect([0, 1].map(random => delayAfter(3, broken, () => random))).toEqual([3000, 5000]);
});

test('what a registry asks for counts, in seconds or as a date, as far as it is reasonable', async () => {
  expect(delayAfter(4, await answer(429, '7'))).toBe(7000);
  expect(delayAfter(1, await answer(503, new Date(Date.now() + 30_000).toUTCString()))).toBeWithin(20_000, 31_000);
  expect(delayAfter(1, await answer(503, new Date(Date.now() - 30_000).toUTCString()))).toBe(0);
  expect(delayAfter(1, await answer(429, '61'))).toBeUndefined();
  expect(delayAfter(1, await answer(429, 'soon'))).toBeWithin(750, 1251);
});

test('nobody waits for what stays as it is', async () => {
  expect(delayAfter(1, await answer(404))).toBeUndefined();
  expect(delayAfter(1, new ConnectionFailure('unknown authority', undefined, { isTemporary: false }))).toBeUndefined();
  expect(delayAfter(1, new Error('a bug'))).toBeUndefined();
});
