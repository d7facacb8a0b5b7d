import { afterEach, beforeEach, expect, test } from 'bun:test';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { gunzipSync } from 'node:zlib';
import { makeDevice, makeHardLink, setOwner, setTimes, setXattr, xattr } from '../../kernel/files.ts';
import { mountOverlay, unmount } from '../../kernel/mount.ts';
import { sha256 } from '../../lib/ids.ts';
import { TarParser } from '../../lib/tar/parser.ts';
import { ContentStore, type Lease } from '../store.ts';
import { packLayer } from './packer.ts';

let root = '';
let store: ContentStore;
let lease: Lease;
beforeEach(() => {
  root = mkdtempSync(`${tmpdir()}/pack-test-`);
  store = new ContentStore(root, { parallelUnpacks: 1, maxLayerRatio: 200 });
  lease = store.lease();
});
afterEach(async () => {
  unmount(`${root}/merged`);
  await store.close();
  rmSync(root, { recursive: true });
});

function namesIn(archive: Uint8Array): string[] {
  const names: string[] = [];
  const parser = new TarParser({ entry: ({ name }) => names.push(name), data: () => {}, end: () => {} });
  parser.feed(archive);
  parser.finish();
  return names;
}

/** A writable layer over a lower one, as a container leaves it. */
function overlay(lower: (path: string) => void, change: (path: string) => void): string {
  for (const name of ['lower', 'upper', 'work', 'merged']) mkdirSync(`${root}/${name}`);
  lower(`${root}/lower`);
  mountOverlay({ lower: [`${root}/lower`], upper: `${root}/upper`, work: `${root}/work`, target: `${root}/merged` });
  change(`${root}/merged`);
  unmount(`${root}/merged`);
  return `${root}/upper`;
}

test('what changed, what was removed, and what was replaced', async () => {
  const upper = overlay(
    path => {
      for (const directory of ['gone', 'replaced', 'kept']) {
        mkdirSync(`${path}/${directory}`);
        writeFileSync(`${path}/${directory}/old`, 'old');
      }
    },
    path => {
      rmSync(`${path}/gone`, { recursive: true });
      rmSync(`${path}/replaced`, { recursive: true });
      mkdirSync(`${path}/replaced`);
      writeFileSync(`${path}/replaced/new`, 'new');
      rmSync(`${path}/kept/old`);
      writeFileSync(`${path}/kept/new`, 'new');
    },
  );
  const { descriptor, diffId, empty } = await packLayer(store, upper, lease);
  const blob = readFileSync(store.blobs.path(descriptor.digest));
  expect(sha256(blob)).toBe(descriptor.digest);
  expect(blob.length).toBe(descriptor.size);
  expect(sha256(gunzipSync(blob))).toBe(diffId);
  expect(empty).toBe(false);
  expect(namesIn(gunzipSync(blob))).toEqual([
    '.wh.gone',
    'kept/',
    'kept/new',
    'kept/.wh.old',
    'replaced/',
    'replaced/.wh..wh..opq',
    'replaced/new',
  ]);
});

test('unpacking what was packed gives the same files', async () => {
  const from = `${root}/from`;
  mkdirSync(`${from}/dir`, { recursive: true });
  writeFileSync(`${from}/file`, Buffer.alloc(700_000, 'abc'));
  setOwner(`${from}/file`, 1000, 100_000);
  setXattr(`${from}/file`, 'user.note', Buffer.from('x\0y'));
  setXattr(`${from}/file`, 'trusted.overlay.origin', Buffer.from('z'));
  setTimes(`${from}/file`, 1n, 1_234_567_890_123_456_789n);
  makeHardLink(`${from}/file`, `${from}/dir/same`);
  symlinkSync('../file', `${from}/dir/link`);
  makeDevice(`${from}/null`, 'character', { major: 1, minor: 3 }, 0o666);

  const { descriptor } = await packLayer(store, from, lease);
  const unpacking = store.layers.unpack(store.blobs.path(descriptor.digest));
  unpacking.complete(descriptor.size);
  await unpacking.result;
  const to = `${unpacking.directory}/diff`;
  const stats = lstatSync(`${to}/file`, { bigint: true });
  expect(stats).toMatchObject({ uid: 1000n, gid: 100_000n, mtimeNs: 1_234_567_890_123_456_789n, nlink: 2n });
  expect(readFileSync(`${to}/dir/same`).equals(readFileSync(`${from}/file`))).toBe(true);
  expect(xattr(`${to}/file`, 'user.note')?.toString()).toBe('x\0y');
  expect(xattr(`${to}/file`, 'trusted.overlay.origin')).toBeUndefined();
  expect(readlinkSync(`${to}/dir/link`)).toBe('../file');
  expect(lstatSync(`${to}/null`).isCharacterDevice()).toBe(true);
  await unpacking.discard();
});

test('a layer without changes is empty, and its archive is a valid one', async () => {
  mkdirSync(`${root}/nothing`);
  const { descriptor, empty } = await packLayer(store, `${root}/nothing`, lease);
  expect(empty).toBe(true);
  expect(namesIn(gunzipSync(readFileSync(store.blobs.path(descriptor.digest))))).toEqual([]);
});

test('what can not be packed is an error, and nothing is left', async () => {
  await expect(packLayer(store, `${root}/nowhere`, lease)).rejects.toThrow('packing a layer failed');
  expect(store.blobs.list()).toEqual([]);
});
