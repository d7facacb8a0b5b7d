import { expect, test } from 'bun:test';
import { isSignalNumber, parseSignal, signalName } from './signals.ts';

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

test('numbers that Linux has are told from others', () => {
  expect([0, 1, 31, 32, 33, 34, 64, 65].map(isSignalNumber)).toEqual([
    false,
    true,
    true,
    false,
    false,
    true,
    true,
    false,
  ]);
});

test('every signal has a name that leads back to it', () => {
  for (let number = 1; number <= 64; number++) {
    if (isSignalNumber(number)) expect(parseSignal(signalName(number))).toBe(number);
  }
  expect(signalName(9)).toBe('SIGKILL');
});
