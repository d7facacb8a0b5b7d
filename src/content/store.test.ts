import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { open as openFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { type ChainId, type Digest, sha256 } from '../lib/ids.ts';
import { collect } from '../lib/streams.ts';
import { BlobWriter } from './blobs.ts';
import { contentLayout } from './layout.ts';
import { StackBuilder, type StackLayer, stackOf } from './stack.ts';
import { type ContentRoots, ContentStore, type Lease } from './store.ts';
import { type TestImage, testImage, testLayer } from './testing/layers.ts';

let root = '';
let store: ContentStore;
let lease: Lease;
beforeEach(() => {
  root = mkdtempSync(`${tmpdir()}/content-test-`);
  store = open();
  lease = store.lease();
});
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
  rmSync(root, { recursive: true, force: true });
});

const opened: ContentStore[] = [];
function open(): ContentStore {
  const made = new ContentStore(root, { parallelUnpacks: 2, maxLayerRatio: 200 });
  opened.push(made);
  return made;
}
const nothing: ContentRoots = { targets: [], layers: [], unfinished: { targets: [], blobs: [], layers: [] } };
const ingested = () => readdirSync(`${root}/ingest`);

async function add(image: TestImage): Promise<StackLayer[]> {
  for (const [digest, bytes] of image.blobs) await store.blobs.add(bytes, digest, lease);
  const manifest = store.manifests.imageManifest(image.target.digest);
  return stackOf(manifest, store.manifests.config(manifest.config.digest));
}

describe('blobs', () => {
  const content = Buffer.alloc(3_000_000, 'some content ');

  test('are written in pieces and read back, from any place', async () => {
    const writer = await store.blobs.writer();
    for (let at = 0; at < content.length; at += 70_001) await writer.write(content.subarray(at, at + 70_001));
    const { digest, size } = await writer.commit({ digest: sha256(content), size: content.length });
    expect(size).toBe(content.length);
    expect(sha256(await collect(store.blobs.read(digest)))).toBe(digest);
    expect(await collect(store.blobs.read(digest, 2_999_990))).toEqual(content.subarray(2_999_990));
    expect(store.blobs.list()).toEqual([digest]);
    expect(ingested()).toEqual([]);
  });

  test('are not kept if they are other than announced', async () => {
    for (const expected of [{ digest: sha256('other') }, { size: 5 }]) {
      const writer = await store.blobs.writer();
      await writer.write(content);
      await expect(writer.commit(expected)).rejects.toThrow(/instead of/);
    }
    expect(store.blobs.list()).toEqual([]);
    expect(ingested()).toEqual([]);
  });

  test('that are given up leave nothing', async () => {
    const writer = await store.blobs.writer();
    await writer.write(content);
    await writer.abort();
    await writer.abort();
    expect(ingested()).toEqual([]);
  });

  test('that broke off are gone on with, by the next engine as well', async () => {
    const digest = sha256(content);
    const first = await store.blobs.resume(digest, content.length);
    await first.write(content.subarray(0, 1_500_000));
    await first.suspend();
    const second = await open().blobs.resume(digest, content.length);
    expect(second.written).toBe(1_500_000);
    expect(second.matches(digest)).toBe(false);
    await second.write(content.subarray(1_500_000));
    expect(second.matches(digest)).toBe(true);
    await second.commit({ digest, size: content.length });
    expect(sha256(readFileSync(store.blobs.path(digest)))).toBe(digest);
  });

  test('that cannot fit are refused before a byte is written', async () => {
    await expect(store.blobs.writer(2 ** 50)).rejects.toThrow('no space left on the device of the data root');
    await expect(store.blobs.resume(sha256(content), 2 ** 50)).rejects.toThrow('no space left');
    expect(readdirSync(`${root}/ingest`)).toEqual([]);
  });

  test('can start again from nothing', async () => {
    const digest = sha256('right');
    const writer = await store.blobs.resume(digest, content.length);
    await writer.write(Buffer.from('wrong from the start'));
    await writer.restart();
    await writer.write(Buffer.from('right'));
    await writer.commit({ digest, size: 5 });
    expect(readFileSync(store.blobs.path(digest), 'utf8')).toBe('right');
  });
});

describe('on a full disk', () => {
  const writerOnFullDisk = async () => {
    const file = await openFile('/dev/full', 'r+');
    const writer = new BlobWriter(`${root}/ingest/partial`, file, () => Promise.resolve());
    await writer.write(Buffer.from('more than fits'));
    return { file, writer };
  };

  test('the error says so', async () => {
    const { writer } = await writerOnFullDisk();
    await expect(writer.commit()).rejects.toThrow('no space left on the device of the data root');
  });

  test('a download that is put aside lets go of its file', async () => {
    const { file, writer } = await writerOnFullDisk();
    await writer.suspend();
    expect(file.fd).toBe(-1);
  });
});

describe('layers', () => {
  test('get their place when they are right', async () => {
    const image = await testImage([{ 'a/one': '1' }, { 'a/two': '22' }]);
    const stack = await add(image);
    await new StackBuilder(store).build(stack, lease);
    const [lower, upper] = stack.map(({ chain }) => chain) as [ChainId, ChainId];
    expect(readFileSync(`${store.layers.files(lower)}/a/one`, 'utf8')).toBe('1');
    expect(readFileSync(`${store.layers.files(upper)}/a/two`, 'utf8')).toBe('22');
    expect(open().layers.info(upper)).toEqual({ diffId: image.layers[1]!.diffId, parent: lower, size: 2 });
    expect(ingested()).toEqual([]);
  });

  test('that unpack to something else than the image says are refused, and nothing is left', async () => {
    const image = await testImage([{ a: '1' }, { b: '2' }], {
      rootfs: { type: 'layers', diff_ids: [(await testLayer({ a: '1' })).diffId, sha256('something else')] },
    });
    const stack = await add(image);
    await expect(new StackBuilder(store).build(stack, lease)).rejects.toThrow(/unpacks to/);
    expect(store.layers.has(stack[1]!.chain)).toBe(false);
    expect(ingested()).toEqual([]);
  });

  test('a number of layers that differs from the number of diff ids is refused', async () => {
    const image = await testImage([{ a: '1' }], { rootfs: { type: 'layers', diff_ids: [] } });
    await expect(add(image)).rejects.toThrow('1 layers, but 0 diff ids');
  });

  test('directories that an archive leaves out look like those below', async () => {
    const base = await testLayer({});
    const image = await testImage([{ 'etc/base': '' }, { 'etc/deep/er/file': '' }, { 'etc/deep/er/other': '' }]);
    const [lower, middle, upper] = await add(image);
    const builder = new StackBuilder(store);
    await builder.build([lower!], lease);
    const etc = `${store.layers.files(lower!.chain)}/etc`;
    Bun.spawnSync([
      'sh',
      '-c',
      `chown 7:8 ${etc} && chmod 2711 ${etc} && chmod 1777 ${store.layers.files(lower!.chain)}`,
    ]);
    await builder.build([lower!, middle!, upper!], lease);
    for (const { chain } of [middle!, upper!]) {
      const made = statSync(`${store.layers.files(chain)}/etc`);
      expect({ uid: made.uid, gid: made.gid, mode: made.mode & 0o7777 }).toEqual({ uid: 7, gid: 8, mode: 0o2711 });
      expect(statSync(store.layers.files(chain)).mode & 0o7777).toBe(0o1777);
    }
    expect(base.diffId).toBeDefined();
  });

  test('two who want the same layers share the work, and one may leave', async () => {
    const image = await testImage(Array.from({ length: 5 }, (_, index) => ({ [`f${index}`]: 'x'.repeat(1000) })));
    const stack = await add(image);
    const builder = new StackBuilder(store);
    let unpacked = 0;
    const unpack = ({ blob }: StackLayer) => {
      unpacked++;
      const unpacking = store.layers.unpack(store.blobs.path(blob.digest));
      unpacking.complete(blob.size);
      return unpacking;
    };
    const leaver = new AbortController();
    const leaving = builder.build(stack, lease, leaver.signal, unpack);
    const staying = builder.build(stack, lease, undefined, unpack);
    leaver.abort(new Error('left'));
    await expect(leaving).rejects.toThrow('left');
    await staying;
    expect(unpacked).toBe(5);
    expect(builder.isComplete(stack)).toBe(true);
    expect(ingested()).toEqual([]);
  });

  test('when everybody leaves, nothing is left', async () => {
    const stack = await add(await testImage([{ a: '1' }, { b: '2' }]));
    const leaver = new AbortController();
    const building = new StackBuilder(store).build(stack, lease, leaver.signal);
    leaver.abort(new Error('left'));
    await expect(building).rejects.toThrow('left');
    expect(ingested()).toEqual([]);
  });
});

describe('collection', () => {
  test('keeps what is referred to, in whatever way', async () => {
    const kept = await testImage([{ a: 'kept' }, { b: 'kept' }]);
    const leased = await testImage([{ a: 'leased' }]);
    const unwanted = await testImage([{ a: 'unwanted' }]);
    const builder = new StackBuilder(store);
    for (const image of [kept, unwanted]) await builder.build(await add(image), lease);
    const inUse = await add(await testImage([{ a: 'in use' }, { b: 'in use' }]));
    await builder.build(inUse, lease);
    lease[Symbol.dispose]();
    const other = store.lease();
    lease = other;
    const leasedStack = await add(leased);
    await builder.build(leasedStack, other);

    const collected = store.collect({ ...nothing, targets: [kept.target], layers: [inUse[1]!.chain] });
    expect(new Set(collected.blobs).intersection(new Set(kept.blobs.keys())).size).toBe(0);
    expect(new Set(store.blobs.list())).toEqual(new Set([...kept.blobs.keys(), ...leased.blobs.keys()]));
    expect(store.layers.list().length).toBe(2 + 2 + 1);
    expect(collected.layers.length).toBe(1);
    expect(collected.bytes).toBeGreaterThan(0);
    other[Symbol.dispose]();
    store.collect(nothing);
    expect([store.blobs.list(), store.layers.list()]).toEqual([[], []]);
  });

  test('takes downloads that nobody will go on with', async () => {
    const digest = sha256('never to be whole');
    const writer = await store.blobs.resume(digest, 16);
    lease.blobs.add(digest);
    await writer.write(Buffer.from('never'));
    await writer.suspend();
    store.collect(nothing);
    expect(ingested().length).toBe(1);
    lease[Symbol.dispose]();
    store.collect(nothing);
    expect(ingested()).toEqual([]);
  });
});

describe('after a crash', () => {
  test('what was under way is gone', async () => {
    const writer = await store.blobs.writer();
    await writer.write(Buffer.from('half'));
    mkdirSync(`${root}/ingest/layer-1-1/diff/dir`, { recursive: true });
    mkdirSync(`${root}/removing/old/deep`, { recursive: true });
    await store.blobs.add(Buffer.from('nobody knows'), sha256('nobody knows'), lease);
    await writer.suspend();
    const next = open();
    await next.recover(nothing);
    expect(ingested()).toEqual([]);
    expect(next.blobs.list()).toEqual([]);
  });

  test('a download that broke off is of no use once its blob came another way', async () => {
    const image = await testImage([{ a: '1' }]);
    const { digest } = image.layers[0]!.descriptor;
    await (await store.blobs.resume(digest, 16)).suspend();
    await add(image);
    const next = open();
    await next.recover({ ...nothing, targets: [image.target] });
    expect(ingested()).toEqual([]);
    expect(next.blobs.has(digest)).toBe(true);
  });

  test('of the machine: what may be damaged is checked', async () => {
    const image = await testImage([{ a: '1' }]);
    const stack = await add(image);
    await new StackBuilder(store).build(stack, lease);
    const [layer] = image.layers;
    writeFileSync(store.blobs.path(layer!.descriptor.digest), Buffer.alloc(layer!.bytes.length));
    const mark = JSON.parse(readFileSync(`${root}/unsynced`, 'utf8')) as { boot: string; since: number };
    writeFileSync(`${root}/unsynced`, JSON.stringify({ ...mark, boot: 'an earlier one' }));

    const next = open();
    await next.recover({ ...nothing, targets: [image.target] });
    expect(next.blobs.has(layer!.descriptor.digest)).toBe(false);
    expect(next.blobs.has(image.target.digest)).toBe(true);
    expect(next.layers.has(stack[0]!.chain)).toBe(false);
    expect(existsSync(`${root}/unsynced`)).toBe(false);
  });

  test('of the daemon alone: all that was complete is there', async () => {
    const image = await testImage([{ a: '1' }]);
    const stack = await add(image);
    await new StackBuilder(store).build(stack, lease);
    const next = open();
    await next.recover({ ...nothing, targets: [image.target] });
    expect(new Set(next.blobs.list())).toEqual(new Set(image.blobs.keys()));
    expect(next.layers.has(stack[0]!.chain)).toBe(true);
  });

  describe('a layer that was unpacked, and waits for the one under it', () => {
    /** The upper one is ready, the lower one never comes. */
    async function unpackedUpper() {
      const image = await testImage([{ a: '1' }, { b: '2' }]);
      const stack = await add(image);
      const [lower, upper] = stack as [StackLayer, StackLayer];
      await store.layers.unpackStored(upper.blob).makeReady(upper.blob.digest);
      const ready = `ready-${upper.blob.digest.slice(7)}`;
      const { ino } = statSync(`${root}/ingest/${ready}/diff`);
      const unfinished = { targets: [], blobs: [lower.blob.digest, upper.blob.digest], layers: [] };
      return { image, stack, upper, ready, ino, unfinished };
    }

    test('stays while nobody has given it up, and is not unpacked again', async () => {
      const { stack, upper, ready, ino, unfinished } = await unpackedUpper();
      const next = open();
      await next.recover({ ...nothing, unfinished });
      expect(ingested()).toEqual([ready]);
      using lateLease = next.lease();
      await new StackBuilder(next).build(stack, lateLease);
      expect(statSync(next.layers.files(upper.chain)).ino).toBe(ino);
      expect(readdirSync(`${root}/layers/${upper.chain.slice(7)}`).sort()).toEqual(['diff', 'layer.json']);
      expect(ingested()).toEqual([]);
    });

    test('is not taken for one that it is not', async () => {
      const { ready, unfinished, stack } = await unpackedUpper();
      const note = `${root}/ingest/${ready}/unpacked.json`;
      writeFileSync(note, JSON.stringify({ ...JSON.parse(readFileSync(note, 'utf8')), diffId: sha256('other') }));
      const next = open();
      await next.recover({ ...nothing, unfinished });
      using lateLease = next.lease();
      await expect(new StackBuilder(next).build(stack, lateLease)).rejects.toThrow('unpacks to');
      // The next try unpacks it itself.
      await new StackBuilder(next).build(stack, lateLease);
      expect(ingested()).toEqual([]);
    });

    test('goes when it was given up', async () => {
      const { image, ready } = await unpackedUpper();
      // In this process it is still waited for.
      store.collect({ ...nothing, targets: [image.target] });
      expect(ingested()).toEqual([ready]);
      const next = open();
      await next.recover({ ...nothing, targets: [image.target] });
      expect(ingested()).toEqual([]);
    });

    test('goes when the machine went down: nobody can tell what of it reached the disk', async () => {
      const { unfinished } = await unpackedUpper();
      const mark = JSON.parse(readFileSync(`${root}/unsynced`, 'utf8')) as { boot: string; since: number };
      writeFileSync(`${root}/unsynced`, JSON.stringify({ ...mark, boot: 'an earlier one' }));
      await open().recover({ ...nothing, unfinished });
      expect(ingested()).toEqual([]);
    });
  });

  test('blobs that are no blobs are left alone', async () => {
    writeFileSync(`${contentLayout(root).blobs}/not-a-digest`, '');
    await store.recover(nothing);
    expect(store.blobs.list()).toEqual([] as Digest[]);
  });
});
