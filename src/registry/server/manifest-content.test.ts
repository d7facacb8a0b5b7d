import { expect, test } from 'bun:test';
import { readManifest } from './manifest-content.ts';

const digest = (digit: string) => `sha256:${digit.repeat(64)}`;
const bytes = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
const part = (digit: string, more = {}) => ({ mediaType: 'application/x', digest: digest(digit), size: 1, ...more });
const image = { schemaVersion: 2, config: part('1'), layers: [part('2')] };

test('an image refers to its config and its layers, but not to those that are elsewhere', () => {
  const foreign = part('3', { mediaType: 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip' });
  const content = readManifest(bytes({ ...image, layers: [part('2'), foreign], subject: part('4') }), '');
  expect(content.blobs.map(blob => String(blob.digest))).toEqual([digest('1'), digest('2')]);
  expect(content).toMatchObject({ subject: digest('4'), artifactType: 'application/x', manifests: [] });
});

const bad: [string, unknown, string][] = [
  ['no JSON', '{', ''],
  ['not UTF-8', '\u0000', ''],
  ['a list', [], ''],
  ['schema 1', { schemaVersion: 1 }, 'application/vnd.docker.distribution.manifest.v1+prettyjws'],
  ['no version', { config: part('1') }, ''],
  ['two media types', { ...image, mediaType: 'a/b' }, 'c/d'],
  ['a media type with a line break', image, 'a/b\r\nX: y'],
  ['image and index at once', { ...image, manifests: [] }, ''],
  ['a path as digest', { ...image, config: part('1', { digest: '../../x' }) }, ''],
  ['a negative size', { ...image, config: part('1', { size: -1 }) }, ''],
  ['layers that are no list', { ...image, layers: {} }, ''],
  ['nothing in it', { schemaVersion: 2 }, ''],
];
test.each(bad)('%s is refused', (_, value, mediaType) => {
  expect(() => readManifest(bytes(value), mediaType)).toThrow('manifest invalid');
});
