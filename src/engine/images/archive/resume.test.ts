// A load that was cut off and comes again: what was complete is not made a second time.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { statSync } from 'node:fs';
import { imageOf, plainLayer, type TestImage, testImage, testLayer } from '../../../content/testing/layers.ts';
import { archive, inPieces, linesOf, ociLayout, TestImages } from '../testing/store.ts';

let images: TestImages;
beforeEach(async () => {
  images = await TestImages.open();
});
afterEach(() => images[Symbol.asyncDispose]());

const noise = (bytes: number) => Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString('latin1');
const blobFile = (digest: string) => `${images.root}/blobs/sha256/${digest.slice(7)}`;
const inode = (path: string) => statSync(path).ino;

/** Hands over so many bytes, and then breaks off. */
async function loadFirst(bytes: Uint8Array, length: number): Promise<void> {
  const abort = new AbortController();
  async function* cut() {
    yield* inPieces(bytes.subarray(0, length));
    abort.abort(new Error('gone'));
    yield bytes.subarray(length, length + 1);
  }
  const request = { archive: cut(), platforms: [], quiet: true, signal: abort.signal };
  await expect(linesOf(images.store.load(request))).rejects.toThrow('gone');
}

/** An OCI archive says the digests, an old one does not. */
async function archives(): Promise<[kind: string, image: TestImage, bytes: Buffer][]> {
  const packed = await Promise.all([noise(900_000), noise(900_000)].map(content => testLayer({ content })));
  const plain = packed.map(({ bytes }) => plainLayer(Buffer.from(Bun.gunzipSync(new Uint8Array(bytes)))));
  const old = imageOf(plain);
  const config = JSON.stringify({
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: plain.map(({ diffId }) => diffId) },
  });
  const list = [{ Config: 'config.json', RepoTags: ['x:1'], Layers: ['1/layer.tar', '2/layer.tar'] }];
  const oldArchive = await archive([
    ...plain.map(({ bytes }, at): [string, Buffer] => [`${at + 1}/layer.tar`, bytes]),
    ['config.json', config],
    ['manifest.json', JSON.stringify(list)],
  ]);
  const image = imageOf(packed);
  return [
    ['OCI', image, await ociLayout(image, ['docker.io/library/x:1'])],
    ['old', old, oldArchive],
  ];
}

describe('a load that was cut off goes on', () => {
  for (const at of [0, 1]) {
    test(`with the blobs that were complete (${['OCI', 'old'][at]} archive), by the next engine as well`, async () => {
      const [, image, bytes] = (await archives())[at]!;
      const [first, second] = image.layers.map(({ descriptor }) => descriptor.digest);
      await loadFirst(bytes, bytes.length * 0.75);
      const before = inode(blobFile(first!));
      expect(() => inode(blobFile(second!))).toThrow();
      await images.stop();
      await images.start();
      expect(await linesOf(images.store.load(images.loading(bytes)))).toEqual(['Loaded image: x:1']);
      expect(inode(blobFile(first!))).toBe(before);
      expect(images.store.prepare(images.store.get('x:1'))).toBeUndefined();
      // Nothing is held any more: without its image it goes.
      await images.store.remove('x:1', { force: false, noPrune: false, platforms: [] });
      expect(await images.leftovers()).toEqual({ blobs: 0, layers: 0, ingest: [] });
    });
  }

  test('unless a prune has given it up', async () => {
    const [, , bytes] = (await archives())[0]!;
    await loadFirst(bytes, bytes.length * 0.75);
    expect((await images.leftovers()).blobs).toBe(1);
    await images.store.prune({});
    expect(await images.leftovers()).toEqual({ blobs: 0, layers: 0, ingest: [] });
  });
});

describe('files whose names say nothing', () => {
  test('that are here already are not stored again; what only begins like one is', async () => {
    const [, old, bytes] = (await archives())[1]!;
    await linesOf(images.store.load(images.loading(bytes)));
    const before = old.layers.map(({ descriptor }) => inode(blobFile(descriptor.digest)));
    await linesOf(images.store.load(images.loading(bytes)));
    expect(old.layers.map(({ descriptor }) => inode(blobFile(descriptor.digest)))).toEqual(before);

    // As long as the first layer, and the same for the first half of it.
    const other = Buffer.from(old.layers[0]!.bytes);
    other[other.length >> 1]! ^= 1;
    const layer = plainLayer(other);
    const image = imageOf([layer]);
    const config = JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      rootfs: { type: 'layers', diff_ids: [layer.diffId] },
    });
    const twin = await archive([
      ['layer.tar', other],
      ['config.json', config],
      ['manifest.json', JSON.stringify([{ Config: 'config.json', RepoTags: ['twin:1'], Layers: ['layer.tar'] }])],
    ]);
    expect(await linesOf(images.store.load(images.loading(twin)))).toEqual(['Loaded image: twin:1']);
    expect(statSync(blobFile(image.layers[0]!.descriptor.digest)).size).toBe(other.length);
  });
});

test('what a bad archive brought is not kept, whoever comes again', async () => {
  const image = await testImage([{ a: noise(500_000) }]);
  const bytes = await ociLayout(image, ['docker.io/library/x:1']);
  await loadFirst(bytes, bytes.length * 0.9);
  const [layer] = image.layers;
  image.blobs.delete(image.target.digest);
  const broken = await ociLayout(image, ['docker.io/library/x:1']);
  await expect(linesOf(images.store.load(images.loading(broken)))).rejects.toThrow('is missing');
  expect(() => inode(blobFile(layer!.descriptor.digest))).toThrow();
  expect(await images.leftovers()).toEqual({ blobs: 0, layers: 0, ingest: [] });
});
