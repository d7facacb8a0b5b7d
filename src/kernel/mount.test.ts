import { afterEach, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import {
  bindMount,
  layersAtOnce,
  mount,
  mountOverlay,
  mountPointsBelow,
  unmount,
  unmountInBackground,
} from './mount.ts';

const made: string[] = [];

function scratch(): string {
  const directory = mkdtempSync(`${tmpdir()}/mount-test-`);
  made.push(directory);
  return directory;
}

afterEach(() => {
  for (const directory of made.splice(0)) {
    for (const point of mountPointsBelow(directory)) unmount(point);
    rmSync(directory, { recursive: true });
  }
});

function layers(base: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    const layer = `${base}/layer-${index}`;
    mkdirSync(layer);
    writeFileSync(`${layer}/file-${index}`, `${index}`);
    writeFileSync(`${layer}/same`, `${index}`);
    return layer;
  });
}

function overlayIn(base: string, lower: string[]) {
  const overlay = { lower, upper: `${base}/upper`, work: `${base}/work`, target: `${base}/target` };
  for (const directory of [overlay.upper, overlay.work, overlay.target]) mkdirSync(directory, { recursive: true });
  return overlay;
}

test.each([1, 3, 200, layersAtOnce() + 1])('an overlay of %d layers, the first one on top', count => {
  const base = scratch();
  const overlay = overlayIn(base, layers(base, count));
  mountOverlay(overlay);
  expect(readdirSync(overlay.target).length).toBe(count + 1);
  expect(readFileSync(`${overlay.target}/same`, 'utf8')).toBe('0');
  writeFileSync(`${overlay.target}/new`, 'x');
  expect(readdirSync(overlay.upper)).toEqual(['new']);
  expect(mountPointsBelow(base)).toEqual([overlay.target]);
  expect(unmount(overlay.target)).toBe(true);
  expect(unmount(overlay.target)).toBe(false);
});

test('paths that are long or hold colons', () => {
  const base = `${scratch()}/a:b,c\\d é/${'x'.repeat(200)}/${'y'.repeat(200)}`;
  mkdirSync(base, { recursive: true });
  const overlay = overlayIn(base, layers(base, 2));
  mountOverlay({ ...overlay, volatile: true });
  expect(readdirSync(overlay.target).sort()).toEqual(['file-0', 'file-1', 'same']);
  expect(mountPointsBelow(base)).toEqual([overlay.target]);
});

test('what is missing is named', () => {
  const base = scratch();
  const overlay = overlayIn(base, [`${base}/nowhere`]);
  expect(() => mountOverlay(overlay)).toThrow('nowhere');
  const tooMany = Array(2 * layersAtOnce()).fill(base);
  expect(() => mountOverlay({ ...overlay, lower: tooMany })).toThrow(`up to ${tooMany.length - 2} layers`);
});

test('a background unmount frees the mount point at once', async () => {
  const base = scratch();
  const overlay = overlayIn(base, layers(base, 1));
  mountOverlay(overlay);
  const { unmounted, settled } = unmountInBackground(overlay.target);
  expect(unmounted).toBe(true);
  expect(readdirSync(overlay.target)).toEqual([]);
  await settled;
  expect(unmountInBackground(overlay.target).unmounted).toBe(false);
  expect(unmountInBackground(`${base}/nowhere`).unmounted).toBe(false);
});

test('a read-only bind mount', () => {
  const base = scratch();
  const [source] = layers(base, 1);
  const target = `${base}/bound`;
  mkdirSync(target);
  bindMount(source!, target, { readOnly: true });
  expect(readFileSync(`${target}/same`, 'utf8')).toBe('0');
  expect(() => writeFileSync(`${target}/same`, 'x')).toThrow('EROFS');
});

test('a tmpfs with options', () => {
  const target = `${scratch()}/tmpfs`;
  mkdirSync(target);
  mount('shm', target, 'tmpfs', 0, 'mode=1777,size=65536');
  expect(statSync(target).mode & 0o7777).toBe(0o1777);
  expect(() => mount('x', target, 'no-such-type', 0)).toThrow('ENODEV');
});
