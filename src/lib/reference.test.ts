import { describe, expect, test } from 'bun:test';
import {
  canonicalName,
  familiarName,
  parseAnyReference,
  parseReference,
  repoTagReference,
  withDefaultTag,
} from './reference.ts';

const hex = 'a'.repeat(64);

describe('names in full and as people write them', () => {
  test.each([
    ['busybox', 'docker.io/library/busybox', 'busybox'],
    ['busybox:1.36', 'docker.io/library/busybox:1.36', 'busybox:1.36'],
    ['library/busybox', 'docker.io/library/busybox', 'busybox'],
    ['docker.io/busybox', 'docker.io/library/busybox', 'busybox'],
    ['index.docker.io/library/busybox', 'docker.io/library/busybox', 'busybox'],
    ['me/app', 'docker.io/me/app', 'me/app'],
    ['library/a/b', 'docker.io/library/a/b', 'library/a/b'],
    ['localhost/app', 'localhost/app', 'localhost/app'],
    ['localhost:5000/app:v1', 'localhost:5000/app:v1', 'localhost:5000/app:v1'],
    ['host.example/a/b/c', 'host.example/a/b/c', 'host.example/a/b/c'],
    ['[::1]:5000/app', '[::1]:5000/app', '[::1]:5000/app'],
    ['Host/app', 'Host/app', 'Host/app'],
    ['a__b/c-d.e', 'docker.io/a__b/c-d.e', 'a__b/c-d.e'],
    [`busybox@sha256:${hex}`, `docker.io/library/busybox@sha256:${hex}`, `busybox@sha256:${hex}`],
    [`busybox:1@sha256:${hex}`, `docker.io/library/busybox:1@sha256:${hex}`, `busybox:1@sha256:${hex}`],
  ])('%s', (text, canonical, familiar) => {
    const reference = parseReference(text);
    expect(canonicalName(reference)).toBe(canonical);
    expect(familiarName(reference)).toBe(familiar);
    expect(parseReference(canonical)).toEqual(reference);
  });
});

test.each([
  ['', 'invalid reference format'],
  [':tag', 'invalid reference format'],
  ['Busybox', 'invalid reference format: repository name (library/Busybox) must be lowercase'],
  ['a//b', 'invalid reference format'],
  ['a:', 'invalid reference format'],
  ['a:b:c', 'invalid reference format'],
  ['a:-b', 'invalid reference format'],
  ['a b', 'invalid reference format'],
  ['-a/b', 'invalid reference format'],
  ['a___b', 'invalid reference format'],
  [`a:${'t'.repeat(129)}`, 'invalid reference format'],
  ['a@sha256:abc', 'invalid reference format'],
  [`a@sha256:${hex.slice(1)}`, 'invalid checksum digest length'],
  [`a@sha512:${hex}${hex}`, 'unsupported digest algorithm'],
  [hex, 'cannot specify 64-byte hexadecimal strings'],
  [`h.example/${'x'.repeat(250)}`, 'must not be more than 255 characters'],
])('%p is refused', (text, message) => {
  expect(() => parseReference(text)).toThrow(message);
});

test('ids are told from names', () => {
  expect(parseAnyReference(hex)).toEqual({ id: `sha256:${hex}` as never });
  expect(parseAnyReference(`sha256:${hex}`)).toEqual({ id: `sha256:${hex}` as never });
  expect(parseAnyReference(hex.slice(1))).toMatchObject({ path: `library/${hex.slice(1)}` });
});

test('the default tag is for names without tag and digest', () => {
  expect(withDefaultTag(parseReference('a')).tag).toBe('latest');
  expect(withDefaultTag(parseReference(`a@sha256:${hex}`)).tag).toBeUndefined();
});

test('repo and tag parameters', () => {
  expect(repoTagReference('', 'x')).toBeUndefined();
  expect(repoTagReference('a', '')).toMatchObject({ tag: 'latest' });
  expect(repoTagReference('a:1', '2')).toMatchObject({ tag: '2' });
  expect(() => repoTagReference('a', 'no tag')).toThrow('invalid tag format');
  expect(() => repoTagReference(`a@sha256:${hex}`, '')).toThrow('digest');
});
