import { expect, test } from 'bun:test';
import { parseKillSignal, parseSignal } from './signals.ts';

test('signals are read in all of their spellings', () => {
  expect(['TERM', 'sigterm', 'SIGTERM', '15'].map(parseSignal)).toEqual([15, 15, 15, 15]);
  expect(['SIGRTMIN', 'rtmin+15', 'SIGRTMAX-14', 'RTMAX'].map(parseSignal)).toEqual([34, 49, 50, 64]);
  expect(['CLD', 'POLL', 'IOT', '+9'].map(parseSignal)).toEqual([17, 29, 6, 9]);
});

test('what is no signal is refused', () => {
  for (const text of ['', '0', 'FOO', 'SIGRTMIN+16', 'RTMAX-15', 'RTMIN-1', 'constructor', '9x', ' 9']) {
    expect(() => parseSignal(text)).toThrow(`invalid signal: ${text}`);
  }
});

test('only what Linux has can be sent', () => {
  expect(['1', '31', '34', '64', 'RTMIN+3'].map(parseKillSignal)).toEqual([1, 31, 34, 64, 37]);
  for (const text of ['32', '33', '65', '-1']) {
    expect(() => parseKillSignal(text)).toThrow(`the linux daemon does not support signal ${text}`);
  }
});
