import { expect, test } from 'bun:test';
import { canonicalText, familiarName, familiarText, parseReference, withDefaultTag } from './reference.ts';

const hex = 'a'.repeat(64);

test('short names get a domain and a namespace', () => {
  expect(parseReference('busybox')).toEqual({ domain: 'docker.io', path: 'library/busybox' });
  expect(parseReference('user/app:1.0')).toEqual({ domain: 'docker.io', path: 'user/app', tag: '1.0' });
  expect(parseReference('index.docker.io/busybox')).toEqual({ domain: 'docker.io', path: 'library/busybox' });
});

test('a first part that looks like a host is one', () => {
  expect(parseReference('localhost/app')).toEqual({ domain: 'localhost', path: 'app' });
  expect(parseReference('localhost:5000/a/b:t')).toEqual({ domain: 'localhost:5000', path: 'a/b', tag: 't' });
  expect(parseReference('reg.example/a@sha256:' + hex).digest).toBe(`sha256:${hex}`);
  expect(parseReference('[::1]:5000/a')).toEqual({ domain: '[::1]:5000', path: 'a' });
});

test('what is no reference is told apart', () => {
  const failing: [string, string][] = [
    ['', 'invalid reference format'],
    ['Busybox', 'invalid reference format: repository name (library/Busybox) must be lowercase'],
    ['a b', 'invalid reference format'],
    ['a:', 'invalid reference format'],
    ['a:-x', 'invalid reference format'],
    [`a:${'x'.repeat(129)}`, 'invalid reference format'],
    ['a//b', 'invalid reference format'],
    ['-a', 'invalid reference format'],
    ['a@sha256:abc', 'invalid reference format'],
    [`a@sha256:${'a'.repeat(63)}`, 'invalid checksum digest length'],
    [`a@md9:${hex}`, 'unsupported digest algorithm'],
    [hex, `invalid repository name (${hex}), cannot specify 64-byte hexadecimal strings`],
    [`a/${'b'.repeat(254)}`, 'repository name must not be more than 255 characters'],
  ];
  for (const [text, message] of failing) expect(() => parseReference(text)).toThrow(message);
});

test('names go back to the form people write', () => {
  expect(familiarText(parseReference('docker.io/library/busybox:1'))).toBe('busybox:1');
  expect(familiarText(parseReference('docker.io/user/app'))).toBe('user/app');
  expect(familiarName(parseReference('localhost:5000/app:1'))).toBe('localhost:5000/app');
  expect(familiarName(parseReference('docker.io/library/a/b'))).toBe('library/a/b');
  expect(canonicalText(withDefaultTag(parseReference('busybox')))).toBe('docker.io/library/busybox:latest');
});
