// With a real overlay, since it is the kernel that says what a change is.
import { afterEach, beforeEach, expect, test } from 'bun:test';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mountOverlay, unmount } from '../../kernel/mount.ts';
import { changes } from './changes.ts';

let base: string;
const path = (name: string) => join(base, name);
const inside = (name: string) => join(base, 'merged', name);
const layers = () => [path('top'), path('bottom')];

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'dockyard-changes-'));
  for (const name of ['bottom/etc/conf', 'bottom/lib/deep', 'bottom/hidden', 'top/etc', 'upper', 'work', 'merged']) {
    mkdirSync(path(name), { recursive: true });
  }
  writeFileSync(path('bottom/etc/passwd'), 'root');
  writeFileSync(path('bottom/etc/conf/a'), 'a');
  writeFileSync(path('bottom/etc/conf/b'), 'b');
  writeFileSync(path('bottom/lib/deep/file'), 'x');
  writeFileSync(path('top/etc/group'), 'root');
  mountOverlay({ lower: layers(), upper: path('upper'), work: path('work'), target: path('merged') });
});
afterEach(() => {
  unmount(path('merged'));
  rmSync(base, { recursive: true });
});

async function diff(): Promise<string[]> {
  return (await changes(path('upper'), layers())).map(({ Path, Kind }) => `${'CAD'[Kind]} ${Path}`);
}

test('nothing', async () => {
  expect(await diff()).toEqual([]);
});

test('what is added, changed and deleted, with the directories above', async () => {
  writeFileSync(inside('new'), '');
  mkdirSync(inside('made/by/hand'), { recursive: true });
  appendFileSync(inside('etc/passwd'), '!');
  rmSync(inside('etc/conf/a'));
  rmSync(inside('lib'), { recursive: true });
  symlinkSync('x', inside('hidden/link'));
  expect(await diff()).toEqual([
    'C /etc',
    'C /etc/conf',
    'D /etc/conf/a',
    'C /etc/passwd',
    'C /hidden',
    'A /hidden/link',
    'D /lib',
    'A /made',
    'A /made/by',
    'A /made/by/hand',
    'A /new',
  ]);
});

test('a change that was taken back is none', async () => {
  writeFileSync(inside('etc/new'), '');
  rmSync(inside('etc/new'));
  utimesSync(inside('lib'), 1, 1);
  expect(await diff()).toEqual([]);
  chmodSync(inside('lib'), 0o700);
  expect(await diff()).toEqual(['C /lib']);
});

test('a directory in the place of one that was deleted', async () => {
  rmSync(inside('etc'), { recursive: true });
  mkdirSync(inside('etc/conf'), { recursive: true });
  writeFileSync(inside('etc/group'), 'other');
  expect(await diff()).toEqual([
    'C /etc',
    'C /etc/conf',
    'D /etc/conf/a',
    'D /etc/conf/b',
    'C /etc/group',
    'D /etc/passwd',
  ]);
});

test('a file in the place of a directory, and the reverse', async () => {
  rmSync(inside('lib'), { recursive: true });
  writeFileSync(inside('lib'), '');
  rmSync(inside('etc/passwd'));
  mkdirSync(inside('etc/passwd/x'), { recursive: true });
  expect(await diff()).toEqual(['C /etc', 'C /etc/passwd', 'A /etc/passwd/x', 'C /lib']);
});

test('places to mount at are nobody’s change', async () => {
  mkdirSync(inside('dev/pts'), { recursive: true });
  mkdirSync(inside('proc'));
  writeFileSync(inside('etc/hosts'), '');
  expect(await diff()).toEqual([]);
  writeFileSync(inside('dev/mine'), '');
  expect(await diff()).toEqual(['C /dev', 'A /dev/mine']);
});
