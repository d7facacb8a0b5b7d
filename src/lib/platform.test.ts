import { expect, test } from 'bun:test';
import {
  formatPlatform,
  normalizePlatform,
  type Platform,
  parsePlatform,
  platformRank,
  samePlatform,
} from './platform.ts';

const of = (text: string): Platform => {
  const [os = '', architecture = '', variant] = text.split('/');
  return { os, architecture, variant };
};

test.each([
  ['linux/amd64', 'linux/amd64'],
  ['linux/x86_64', 'linux/amd64'],
  ['linux/aarch64', 'linux/arm64'],
  ['linux/arm64/v8', 'linux/arm64'],
  ['linux/arm', 'linux/arm/v7'],
  ['linux/armhf', 'linux/arm/v7'],
  ['linux/arm/6', 'linux/arm/v6'],
  ['Linux/AMD64', 'linux/amd64'],
  ['s390x', `${process.platform}/s390x`],
])('%s is %s', (text, shown) => {
  expect(formatPlatform(parsePlatform(text))).toBe(shown);
});

test.each(['', 'linux/', 'a/b/c/d', 'linux/amd 64', 'nonsense'])('%p is no platform', text => {
  expect(() => parsePlatform(text)).toThrow('invalid platform');
});

test('machines run their own best, then what is compatible', () => {
  const best = (host: string, ...candidates: string[]) =>
    candidates
      .map(candidate => ({ candidate, rank: platformRank(of(candidate), of(host)) }))
      .filter(({ rank }) => rank !== undefined)
      .sort((one, other) => one.rank! - other.rank!)
      .map(({ candidate }) => candidate);
  expect(best('linux/amd64', 'linux/386', 'linux/arm64', 'linux/amd64', 'windows/amd64')).toEqual([
    'linux/amd64',
    'linux/386',
  ]);
  expect(best('linux/arm64', 'linux/arm/v6', 'linux/arm/v7', 'linux/arm64/v8')).toEqual([
    'linux/arm64/v8',
    'linux/arm/v7',
    'linux/arm/v6',
  ]);
  expect(best('linux/arm/v6', 'linux/arm/v7', 'linux/arm/v5')).toEqual(['linux/arm/v5']);
  expect(best('linux/riscv64', 'linux/amd64')).toEqual([]);
});

test('the same platform in two spellings', () => {
  expect(samePlatform(of('linux/arm64'), of('linux/aarch64/v8'))).toBe(true);
  expect(samePlatform(of('linux/arm/v7'), of('linux/arm/v6'))).toBe(false);
  expect(normalizePlatform({ os: 'windows', architecture: 'amd64', 'os.version': '10' })['os.version']).toBe('10');
});
