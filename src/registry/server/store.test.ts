// The store without HTTP: what a crash leaves, and what garbage is.
import { afterEach, beforeEach, expect, test } from 'bun:test';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { collectGarbage } from './garbage.ts';
import { type ContentDigest, digestOf, repositoryName, type TagName } from './names.ts';
import { RegistryStore } from './store.ts';

const name = repositoryName('a/b');
const later = { graceMs: -10_000 };
let root: string;
let store: RegistryStore;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'dockyard-registry-'));
  store = new RegistryStore(root);
});
afterEach(() => {
  store[Symbol.dispose]();
  rmSync(root, { recursive: true });
});

function restart(): void {
  store[Symbol.dispose]();
  store = new RegistryStore(root);
}

async function* bytes(text: string) {
  yield Buffer.from(text);
}

async function blob(text: string): Promise<{ digest: ContentDigest; size: number; mediaType: string }> {
  const upload = await store.uploads.begin(name);
  await upload.append(bytes(text));
  const digest = digestOf('sha256', Buffer.from(text));
  await store.uploads.finish(upload, digest);
  return { digest, size: text.length, mediaType: 'application/x' };
}

async function image(tags: string[], more = {}, text = '{}'): Promise<{ digest: ContentDigest; size: number }> {
  const json = { schemaVersion: 2, config: await blob(text), layers: [], ...more };
  const content = Buffer.from(JSON.stringify(json));
  const { digest } = await store.manifests.put(name, { bytes: content, mediaType: '', tags: tags as TagName[] });
  return { digest, size: content.length };
}

test('an upload goes on after a restart, with either algorithm', async () => {
  for (const algorithm of ['sha256', 'sha512'] as const) {
    const upload = await store.uploads.begin(name);
    await upload.append(bytes('one '));
    restart();
    const again = await store.uploads.find(name, upload.id);
    expect(again.size).toBe(4);
    await again.append(bytes(algorithm), { start: 4, length: 6 });
    const digest = digestOf(algorithm, Buffer.from(`one ${algorithm}`));
    await store.uploads.finish(again, digest);
    expect(await store.blobs.find(name, digest)).toMatchObject({ size: 10 });
  }
  expect(readdirSync(store.layout.uploads)).toEqual([]);
});

test('a wrong digest, a wrong place and a wrong length leave nothing', async () => {
  const upload = await store.uploads.begin(name);
  await upload.append(bytes('abc'));
  await expect(upload.append(bytes('x'), { start: 2, length: 1 })).rejects.toMatchObject({ status: 416 });
  await expect(upload.append(bytes('xyz'), { start: 3, length: 2 })).rejects.toMatchObject({ code: 'SIZE_INVALID' });
  expect(upload.size).toBe(3);
  const wrong = digestOf('sha256', Buffer.from('other'));
  await expect(store.uploads.finish(upload, wrong)).rejects.toMatchObject({ code: 'DIGEST_INVALID' });
  expect(readdirSync(store.layout.uploads)).toEqual([]);
  expect(await store.blobs.stored(wrong)).toBeUndefined();
  await expect(store.uploads.find(name, upload.id)).rejects.toMatchObject({ status: 404 });
});

test('an upload belongs to its repository', async () => {
  const upload = await store.uploads.begin(name);
  await expect(store.uploads.find(repositoryName('other'), upload.id)).rejects.toMatchObject({ status: 404 });
  await expect(store.uploads.find(name, '../../etc')).rejects.toMatchObject({ status: 404 });
});

test('uploads that nobody goes on with are removed', async () => {
  await store.uploads.begin(name);
  expect(await store.uploads.removeOld()).toBe(0);
  expect(await store.uploads.removeOld(-1)).toBe(1);
  expect(readdirSync(store.layout.uploads)).toEqual([]);
});

test('two processes never work on one root, and half-written files go at the next start', () => {
  expect(() => new RegistryStore(root)).toThrow('in use by another');
  writeFileSync(`${store.layout.temporary}/half`, 'x');
  restart();
  expect(readdirSync(store.layout.temporary)).toEqual([]);
});

test('a manifest comes after its parts', async () => {
  const config = { mediaType: 'a/b', digest: digestOf('sha256', Buffer.from('nowhere')), size: 7 };
  const put = image([], { layers: [config] });
  await expect(put).rejects.toMatchObject({
    code: 'MANIFEST_BLOB_UNKNOWN',
    options: { detail: [{ digest: config.digest }] },
  });
  const there = await blob('there');
  await expect(image([], { layers: [{ ...there, size: 99 }] })).rejects.toMatchObject({ code: 'MANIFEST_INVALID' });
});

test('garbage is what nothing refers to', async () => {
  const kept = await image(['latest'], {}, 'config of latest');
  const untagged = await image([], { annotations: { a: 'b' } }, 'config of untagged');
  const subject = { mediaType: 'application/vnd.oci.image.manifest.v1+json', ...kept };
  const signature = await image([], { subject }, 'config of signature');
  const loose = await blob('loose');
  expect((await collectGarbage(store)).blobs).toEqual([]);
  expect((await collectGarbage(store, { ...later, dryRun: true })).blobs).toEqual([loose.digest]);
  expect(await store.blobs.find(name, loose.digest)).toBeDefined();
  expect(await collectGarbage(store, later)).toMatchObject({ blobs: [loose.digest], manifests: [], bytes: 5 });
  expect(await store.blobs.find(name, loose.digest)).toBeUndefined();
  expect(existsSync(store.layout.blob(loose.digest))).toBe(false);

  const second = await collectGarbage(store, { ...later, untagged: true });
  expect(second.manifests).toEqual([`a/b@${untagged.digest}`]);
  expect(second.blobs).toHaveLength(2);
  expect(await store.manifests.find(name, untagged.digest)).toBeUndefined();
  expect(await store.manifests.find(name, signature.digest)).toBeDefined();
  expect(await store.manifests.find(name, 'latest' as TagName)).toMatchObject({ digest: kept.digest });
  expect((await store.manifests.referrers(name, kept.digest)).map(entry => entry.digest)).toEqual([signature.digest]);
});
