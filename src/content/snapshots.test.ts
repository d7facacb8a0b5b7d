import { afterEach, beforeEach, expect, test } from 'bun:test';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { mountPointsBelow, unmount } from '../kernel/mount.ts';
import type { ChainId } from '../lib/ids.ts';
import { contentLayout, layerFiles } from './layout.ts';
import { createSnapshots } from './snapshots.ts';

let root = '';
beforeEach(() => {
  root = mkdtempSync(`${tmpdir()}/snapshots-test-`);
});
afterEach(() => {
  for (const point of mountPointsBelow(root)) unmount(point);
  rmSync(root, { recursive: true });
});

const open = () => createSnapshots(`${root}/data`, `${root}/exec`);

function layer(digit: string, files: Record<string, string>): ChainId {
  const chain = `sha256:${digit.repeat(64)}` as ChainId;
  const directory = layerFiles(contentLayout(`${root}/data`), chain);
  mkdirSync(directory, { recursive: true });
  writeFileSync(`${directory}/../layer.json`, JSON.stringify({ diffId: chain, size: 100 }));
  for (const [name, content] of Object.entries(files)) writeFileSync(`${directory}/${name}`, content);
  return chain;
}

/** What is in a root besides the mount points. */
const visible = (rootfs: string) =>
  readdirSync(rootfs)
    .filter(name => !['dev', 'etc', 'proc', 'sys', '.dockerenv'].includes(name))
    .sort();

test('a snapshot shows its layers and keeps what is written', () => {
  const snapshots = open();
  const bottom = layer('a', { low: '1', both: 'bottom' });
  const top = layer('b', { both: 'top' });
  snapshots.create('c1', [bottom, top]);
  const rootfs = snapshots.mount('c1');
  expect(snapshots.mount('c1')).toBe(rootfs);
  expect(visible(rootfs)).toEqual(['both', 'low']);
  expect(readFileSync(`${rootfs}/both`, 'utf8')).toBe('top');
  writeFileSync(`${rootfs}/new`, 'kept');
  snapshots.unmount('c1');
  snapshots.unmount('c1');
  expect(mountPointsBelow(root)).toEqual([]);
  expect(readFileSync(`${snapshots.mount('c1')}/new`, 'utf8')).toBe('kept');
  expect(readdirSync(snapshots.upperDirectory('c1'))).toEqual(['new']);
});

test('an image without layers has only what containers get mounts on', () => {
  const snapshots = open();
  snapshots.create('scratch', []);
  const rootfs = snapshots.mount('scratch');
  expect(visible(rootfs)).toEqual([]);
  expect(readdirSync(`${rootfs}/etc`).sort()).toEqual(['hostname', 'hosts', 'mtab', 'resolv.conf']);
  expect(readdirSync(snapshots.upperDirectory('scratch'))).toEqual([]);
});

test("an image's own files hide the mount points under it", () => {
  const snapshots = open();
  const chain = layer('a', {});
  mkdirSync(`${layerFiles(contentLayout(`${root}/data`), chain)}/etc`);
  writeFileSync(`${layerFiles(contentLayout(`${root}/data`), chain)}/etc/hosts`, 'of the image');
  snapshots.create('c', [chain]);
  expect(readFileSync(`${snapshots.mount('c')}/etc/hosts`, 'utf8')).toBe('of the image');
});

test('the root directory looks like the top layer says', () => {
  const snapshots = open();
  const top = layer('a', {});
  chmodSync(layerFiles(contentLayout(`${root}/data`), top), 0o1777);
  snapshots.create('c', [top]);
  expect(statSync(snapshots.mount('c')).mode & 0o7777).toBe(0o1777);
});

test('a volatile snapshot can be mounted again, also after a crash', () => {
  const chain = layer('a', { f: '' });
  const snapshots = open();
  snapshots.create('v', [chain], { volatile: true });
  writeFileSync(`${snapshots.mount('v')}/x`, '1');
  snapshots.unmount('v');
  expect(readFileSync(`${snapshots.mount('v')}/x`, 'utf8')).toBe('1');
});

test('a new engine finds what the last one left mounted', () => {
  const before = open();
  before.create('c', [layer('a', { f: 'x' })]);
  before.mount('c');
  const after = open();
  expect(visible(after.mount('c'))).toEqual(['f']);
  expect(mountPointsBelow(root).length).toBe(1);
  after.unmount('c');
  expect(mountPointsBelow(root)).toEqual([]);
});

test('what nobody knows any more is unmounted and removed', async () => {
  const snapshots = open();
  const chain = layer('a', {});
  for (const key of ['keep', 'mounted', 'idle']) snapshots.create(key, [chain]);
  snapshots.mount('keep');
  writeFileSync(`${snapshots.mount('mounted')}/f`, 'x');
  await open().reconcile(new Set(['keep']));
  expect(mountPointsBelow(root)).toEqual([snapshots.mountPoint('keep')]);
  expect(readdirSync(`${root}/data/snapshots`)).toEqual(['keep']);
  expect(readdirSync(`${root}/data/removing`)).toEqual([]);
});

test('removing takes everything and may be repeated', async () => {
  const snapshots = open();
  snapshots.create('c', [layer('a', {})]);
  mkdirSync(`${snapshots.mount('c')}/deep/er`, { recursive: true });
  await snapshots.remove('c');
  await snapshots.remove('c');
  expect(existsSync(snapshots.mountPoint('c'))).toBe(false);
  expect(readdirSync(`${root}/data/snapshots`)).toEqual([]);
});

test('usage counts the writable layer and what is under it', async () => {
  const snapshots = open();
  snapshots.create('c', [layer('a', { f: 'x' }), layer('b', {})]);
  const rootfs = snapshots.mount('c');
  mkdirSync(`${rootfs}/d`);
  writeFileSync(`${rootfs}/d/file`, 'x'.repeat(1234));
  expect(await snapshots.usage('c')).toEqual({ writable: 1234, total: 1434 });
});

test('layers under a snapshot are in use, also for the next engine', async () => {
  const chain = layer('a', {});
  const snapshots = open();
  snapshots.create('c', [chain]);
  expect([...open().layersInUse()]).toEqual([chain]);
  await snapshots.remove('c');
  expect([...snapshots.layersInUse()]).toEqual([]);
});

test('a key that exists is refused and stays as it was', () => {
  const snapshots = open();
  snapshots.create('c', []);
  expect(() => snapshots.create('c', [])).toThrow('EEXIST');
  expect(readdirSync(`${root}/data/snapshots/c`).sort()).toEqual(['base.json', 'upper', 'work']);
});
