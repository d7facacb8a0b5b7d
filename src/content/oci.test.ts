import { describe, expect, test } from 'bun:test';
import { DockyardError } from '../lib/errors.ts';
import type { Digest } from '../lib/ids.ts';
import { chainIds, parseConfig, parseManifest } from './oci.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const descriptor = { mediaType: 'application/vnd.oci.image.config.v1+json', digest, size: 7 };
const manifest = { schemaVersion: 2, config: descriptor, layers: [descriptor] };
const index = {
  schemaVersion: 2,
  manifests: [{ ...descriptor, platform: { os: 'linux', architecture: 'arm', variant: 'v7', unknown: 1 } }],
};
const config = { os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [digest] } };
const bytes = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));

test('manifests and indexes, told apart by what they hold', () => {
  expect(parseManifest(bytes(manifest))).toMatchObject({
    kind: 'manifest',
    mediaType: expect.stringContaining('oci.image.manifest'),
  });
  expect(parseManifest(bytes(index))).toMatchObject({
    kind: 'index',
    manifests: [{ platform: { os: 'linux', architecture: 'arm', variant: 'v7' } }],
  });
  const docker = 'application/vnd.docker.distribution.manifest.v2+json';
  expect(parseManifest(bytes(manifest), docker).mediaType).toBe(docker);
});

describe('refused', () => {
  const oci = 'application/vnd.oci.image.manifest.v1+json';
  const cases: [what: string, value: unknown, mediaType?: string][] = [
    ['no JSON', '<html>'],
    ['no object', '[]'],
    ['bytes that are no text', Buffer.from([0x7b, 0xff, 0x7d]).toString('latin1')],
    ['no version', {}],
    ['another version', { ...manifest, schemaVersion: 3 }],
    ['both at once', { ...manifest, ...index }],
    [
      'a type that contradicts',
      { ...manifest, mediaType: oci },
      'application/vnd.docker.distribution.manifest.v2+json',
    ],
    ['an unknown type', manifest, 'application/json+other'],
    ['a manifest as an index', manifest, 'application/vnd.oci.image.index.v1+json'],
    ['no config', { schemaVersion: 2, layers: [] }],
    ['no layers', { schemaVersion: 2, config: descriptor }],
    ['a digest that is none', { ...manifest, config: { ...descriptor, digest: 'sha256:short' } }],
    ['a digest that is a path', { ...manifest, config: { ...descriptor, digest: 'sha256:../../../../etc/passwd' } }],
    ['a negative size', { ...manifest, layers: [{ ...descriptor, size: -1 }] }],
    ['a size that is no number', { ...manifest, layers: [{ ...descriptor, size: '7' }] }],
    ['annotations that are no text', { ...manifest, annotations: { a: 1 } }],
    ['endless layers', { ...manifest, layers: Array(10_001).fill(descriptor) }],
  ];
  for (const [what, value, mediaType] of cases) {
    test(what, () => {
      expect(() => parseManifest(bytes(value), mediaType)).toThrow(DockyardError);
    });
  }

  test('schema 1, with words that help', () => {
    const old = { schemaVersion: 1, name: 'x', fsLayers: [] };
    expect(() => parseManifest(bytes(old))).toThrow('schema 1');
    expect(() => parseManifest(bytes(manifest), 'application/vnd.docker.distribution.manifest.v1+prettyjws')).toThrow(
      'schema 1',
    );
  });

  test.each<[string, unknown]>([
    ['no rootfs', { os: 'linux' }],
    ['a diff id that is none', { ...config, rootfs: { diff_ids: ['x'] } }],
    ['a command that is no list', { ...config, config: { Cmd: 'sh' } }],
    ['labels that are no text', { ...config, config: { Labels: { a: 1 } } }],
    ['a user that is a number', { ...config, config: { User: 0 } }],
    ['an os that is a number', { ...config, os: 1 }],
  ])('a config with %s', (_, value) => {
    expect(() => parseConfig(bytes(value))).toThrow(DockyardError);
  });
});

test('a config keeps what it has beyond the known fields', () => {
  expect(parseConfig(bytes({ ...config, 'moby.buildkit.cache.v0': 'x', config: null }))).toMatchObject({
    'moby.buildkit.cache.v0': 'x',
    config: {},
    history: [],
  });
});

test('chain ids, as the specification reckons them', () => {
  const [a, b] = [`sha256:${'a'.repeat(64)}`, `sha256:${'b'.repeat(64)}`] as Digest[];
  const expected = new Bun.CryptoHasher('sha256').update(`${a} ${b}`).digest('hex');
  expect(chainIds([a!, b!])).toEqual([a, `sha256:${expected}`] as never);
  expect(chainIds([])).toEqual([]);
});
