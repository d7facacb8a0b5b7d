import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type PartialTarEntry, tarEntry, writeTar } from '../../lib/tar/writer.ts';
import { packTree } from './pack.ts';
import { unpack } from './unpack.ts';

let base: string;
let source: string;
let target: string;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'dockyard-archive-'));
  source = join(base, 'source');
  target = join(base, 'target');
  mkdirSync(source);
  mkdirSync(target);
});

afterEach(() => rmSync(base, { recursive: true }));

/** An archive as a container might send it. */
function archive(...entries: (PartialTarEntry & { text?: string })[]) {
  return writeTar(
    entries.map(({ text = '', ...entry }) => ({
      entry: tarEntry({ ...entry, size: text.length }),
      body: Buffer.from(text),
    })),
  );
}

test('a tree arrives as it was', async () => {
  mkdirSync(join(source, 'sub/deep'), { recursive: true });
  writeFileSync(join(source, 'sub/file'), 'x'.repeat(600_000));
  chmodSync(join(source, 'sub/file'), 0o640);
  linkSync(join(source, 'sub/file'), join(source, 'sub/hard'));
  symlinkSync('file', join(source, 'sub/link'));
  symlinkSync('/nowhere', join(source, 'broken'));
  utimesSync(join(source, 'sub/deep'), 1000, 2000);
  await unpack(packTree(source, 'copy'), target);
  const copy = (name: string) => join(target, 'copy', name);
  expect(readFileSync(copy('sub/file'), 'utf8')).toBe('x'.repeat(600_000));
  expect(statSync(copy('sub/file')).mode & 0o7777).toBe(0o640);
  expect(statSync(copy('sub/hard')).ino).toBe(statSync(copy('sub/file')).ino);
  expect(readlinkSync(copy('sub/link'))).toBe('file');
  expect(readlinkSync(copy('broken'))).toBe('/nowhere');
  expect(statSync(copy('sub/deep')).mtimeMs).toBe(2_000_000);
});

test('entries get the name that was asked for', async () => {
  const entries = archive(
    { name: 'a/', kind: 'directory' },
    { name: 'a/x', kind: 'file', text: 'hello' },
    { name: 'a/y', kind: 'hardlink', linkName: 'a/x' },
  );
  await unpack(entries, target, { rename: name => name.replace(/^a/, 'b') });
  expect(readFileSync(join(target, 'b/y'), 'utf8')).toBe('hello');
  expect(existsSync(join(target, 'a'))).toBe(false);
});

test('a file takes the place of a file, a link is replaced and not followed', async () => {
  writeFileSync(join(base, 'victim'), 'safe');
  writeFileSync(join(target, 'f'), 'old');
  symlinkSync('../victim', join(target, 'l'));
  await unpack(archive({ name: 'f', kind: 'file', text: 'new' }, { name: 'l', kind: 'file', text: 'new' }), target);
  expect(readFileSync(join(target, 'f'), 'utf8')).toBe('new');
  expect(lstatSync(join(target, 'l')).isFile()).toBe(true);
  expect(readFileSync(join(base, 'victim'), 'utf8')).toBe('safe');
});

test('a directory and something else never replace each other', async () => {
  mkdirSync(join(target, 'd'));
  writeFileSync(join(target, 'f'), '');
  await expect(unpack(archive({ name: 'd', kind: 'file', text: 'x' }), target)).rejects.toThrow(
    /^cannot overwrite directory/,
  );
  await expect(unpack(archive({ name: 'f', kind: 'directory' }), target)).rejects.toThrow(
    /^cannot overwrite non-directory/,
  );
});

describe('an archive that wants out', () => {
  test.each(['../victim', 'a/../../victim', '/../victim'])('by the name %s', async name => {
    await expect(unpack(archive({ name, kind: 'file', text: 'evil' }), target)).rejects.toThrow(
      'leaves the destination',
    );
    expect(existsSync(join(base, 'victim'))).toBe(false);
  });

  test('an absolute name stays inside', async () => {
    await unpack(archive({ name: '/etc/passwd', kind: 'file', text: 'inside' }), target);
    expect(readFileSync(join(target, 'etc/passwd'), 'utf8')).toBe('inside');
  });

  test('through a link it brought along', async () => {
    const entries = archive(
      { name: 'out', kind: 'symlink', linkName: '..' },
      { name: 'out/victim', kind: 'file', text: 'evil' },
    );
    await expect(unpack(entries, target)).rejects.toThrow('is no directory');
    expect(existsSync(join(base, 'victim'))).toBe(false);
  });

  test('through a link that takes the place of nothing it may replace', async () => {
    const entries = archive(
      { name: 'd/', kind: 'directory' },
      { name: 'd/f', kind: 'file', text: 'x' },
      { name: 'd', kind: 'symlink', linkName: '..' },
      { name: 'd/victim', kind: 'file', text: 'evil' },
    );
    await expect(unpack(entries, target)).rejects.toThrow(/^cannot overwrite directory/);
    expect(existsSync(join(base, 'victim'))).toBe(false);
  });

  test('by a hard link to what is outside', async () => {
    writeFileSync(join(base, 'victim'), 'safe');
    symlinkSync('..', join(target, 'up'));
    const outside = archive({ name: 'h', kind: 'hardlink', linkName: '../victim' });
    await expect(unpack(outside, target)).rejects.toThrow('leaves the destination');
    const through = archive({ name: 'h', kind: 'hardlink', linkName: 'up/victim' });
    await expect(unpack(through, target)).rejects.toThrow('is no directory');
  });
});
