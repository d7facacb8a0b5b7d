import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { isKind } from '../../lib/errors.ts';
import { type ByteSource, collect } from '../../lib/streams.ts';
import { readTar } from '../../lib/tar/reader.ts';
import { type PartialTarEntry, tarEntry, writeTar } from '../../lib/tar/writer.ts';
import { type ContainerView, exportRoot, getArchive, putArchive, statPath } from './archive.ts';

let base: string;
let rootfs: string;
let view: ContainerView;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'dockyard-archive-'));
  rootfs = join(base, 'rootfs');
  mkdirSync(join(rootfs, 'etc'), { recursive: true });
  writeFileSync(join(rootfs, 'etc/passwd'), 'inside');
  writeFileSync(join(base, 'passwd'), 'outside');
  view = { name: 'c1', rootfs, readonlyRootfs: false, mounts: [] };
});
afterEach(() => {
  expect(readFileSync(join(base, 'passwd'), 'utf8')).toBe('outside');
  expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(base);
  rmSync(base, { recursive: true });
});

const { signal } = new AbortController();

async function* source(...chunks: Uint8Array[]): ByteSource {
  yield* chunks;
}

type Input = PartialTarEntry & { content?: string };

async function tar(...inputs: Input[]): Promise<Buffer> {
  const members = inputs.map(({ content = '', ...entry }) => {
    const body = Buffer.from(content);
    return { entry: tarEntry({ size: body.length, ...entry }), body };
  });
  return await collect(writeTar(members));
}

async function put(path: string, inputs: Input[], options = {}): Promise<void> {
  await putArchive(view, path, source(await tar(...inputs)), { noOverwriteDirNonDir: false, ...options });
}

/** Names and contents, in order. */
async function members(archive: ByteSource): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const member of readTar(archive)) {
    const content = member.kind === 'file' ? (await collect(member.body)).toString() : '';
    const link = member.linkName ? ` -> ${member.linkName}` : '';
    found[member.name] = `${member.kind}${link}${content && `: ${content}`}`;
  }
  return found;
}

async function get(path: string) {
  const { stat, archive } = await getArchive(view, path, signal);
  return { stat, members: await members(archive) };
}

async function failure(action: Promise<unknown>): Promise<Error> {
  const error = await action.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof Error) return error;
  throw new Error('it did not fail');
}

describe('stat', () => {
  test('of every kind of file, with the bits of Go', async () => {
    writeFileSync(join(rootfs, 'run.sh'), '#!/bin/sh', { mode: 0o755 });
    chmodSync(join(rootfs, 'run.sh'), 0o4755);
    utimesSync(join(rootfs, 'run.sh'), 1.5e9, 1_500_000_000.25);
    mkdirSync(join(rootfs, 'tmp'));
    chmodSync(join(rootfs, 'tmp'), 0o1777);
    symlinkSync('../../../../etc/link', join(rootfs, 'etc/out'));
    symlinkSync('passwd', join(rootfs, 'etc/link'));
    expect(await statPath(view, '/run.sh')).toEqual({
      name: 'run.sh',
      size: 9,
      mode: 2 ** 23 + 0o755,
      mtime: '2017-07-14T02:40:00.25Z',
      linkTarget: '',
    });
    expect((await statPath(view, 'tmp')).mode).toBe(2 ** 31 + 2 ** 20 + 0o777);
    expect(await statPath(view, '/etc/out')).toMatchObject({ mode: 2 ** 27 + 0o777, linkTarget: '/etc/passwd' });
    expect(await statPath(view, '/')).toMatchObject({ name: '/' });
    expect((await statPath(view, '/etc/../../../etc/')).name).toBe('etc');
  });

  test('of what is not there', async () => {
    for (const path of ['/nowhere', '/etc/passwd/x', '/etc/passwd/']) {
      const error = await failure(statPath(view, path));
      expect(error.message).toBe(`Could not find the file ${path} in container c1`);
      expect(isKind(error, 'notFound')).toBe(true);
    }
  });
});

describe('get', () => {
  beforeEach(() => {
    mkdirSync(join(rootfs, 'srv/sub'), { recursive: true });
    writeFileSync(join(rootfs, 'srv/a'), 'A');
    linkSync(join(rootfs, 'srv/a'), join(rootfs, 'srv/b'));
    symlinkSync('/etc/passwd', join(rootfs, 'srv/link'));
  });

  test('a file, a link, a directory, a directory by its content', async () => {
    expect((await get('/srv/a')).members).toEqual({ a: 'file: A' });
    expect((await get('/srv/link')).members).toEqual({ link: 'symlink -> /etc/passwd' });
    expect((await get('/srv')).members).toEqual({
      'srv/': 'directory',
      'srv/a': 'file: A',
      'srv/b': 'hardlink -> srv/a',
      'srv/link': 'symlink -> /etc/passwd',
      'srv/sub/': 'directory',
    });
    expect(Object.keys((await get('/srv/.')).members)).toEqual(['./', './a', './b', './link', './sub/']);
  });

  test('does not leave the root, whatever links it meets', async () => {
    symlinkSync(base, join(rootfs, 'escape'));
    symlinkSync('../'.repeat(20), join(rootfs, 'up'));
    expect((await failure(get('/escape/passwd'))).message).toContain('Could not find the file');
    expect((await get('/up/etc/passwd')).members).toEqual({ passwd: 'file: inside' });
    expect((await get(`/..${base}/${'../'.repeat(20)}etc/passwd`)).members).toEqual({ passwd: 'file: inside' });
  });

  test('sees what is mounted over the root', async () => {
    mkdirSync(join(base, 'volume/deep'), { recursive: true });
    writeFileSync(join(base, 'volume/deep/data'), 'volume');
    writeFileSync(join(base, 'hosts'), 'bound');
    view = {
      ...view,
      mounts: [
        { source: join(base, 'hosts'), destination: '/data/deep/hosts', rw: false },
        { source: join(base, 'volume'), destination: '/data', rw: true },
        { source: join(base, 'volume'), subpath: 'deep', destination: '/only', rw: true },
        { source: '', destination: '/tmpfs', rw: true },
      ],
    };
    expect((await get('/data/deep')).members).toEqual({
      'deep/': 'directory',
      'deep/data': 'file: volume',
      'deep/hosts': 'file: bound',
    });
    expect(Object.keys((await get('/only')).members)).toEqual(['only/', 'only/data', 'only/hosts']);
    expect(readdirSync(join(rootfs, 'data'))).toEqual([]);
  });

  test('a stream that is left early ends its helper', async () => {
    writeFileSync(join(rootfs, 'big'), Buffer.alloc(8 * 1024 * 1024));
    const { archive } = await getArchive(view, '/big', signal);
    for await (const chunk of archive) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
    const abort = new AbortController();
    const aborted = await getArchive(view, '/big', abort.signal);
    abort.abort();
    expect((await failure(collect(aborted.archive))).message).toBe('the archive is no longer wanted');
  });

  test('large files come whole', async () => {
    const content = Buffer.alloc(3_000_001, 'abcdefg');
    writeFileSync(join(rootfs, 'large'), content);
    const { archive } = await getArchive(view, '/large', signal);
    for await (const member of readTar(archive)) expect((await collect(member.body)).equals(content)).toBe(true);
  });
});

describe('put', () => {
  test('everything a file can be, as the archive says', async () => {
    const modified = 1_600_000_000_123_456_789n;
    await put('/etc', [
      { name: './', kind: 'directory' },
      { name: 'new/dir/file', kind: 'file', content: 'hello', mode: 0o2640, uid: 7, gid: 8, modified },
      { name: 'dir', kind: 'directory', mode: 0o700, uid: 5, modified },
      { name: 'dir/link', kind: 'symlink', linkName: '/nowhere' },
      { name: 'dir/hard', kind: 'hardlink', linkName: 'new/dir/file' },
      { name: 'null', kind: 'character', deviceMajor: 1, deviceMinor: 3 },
      { name: 'pipe', kind: 'fifo' },
      { name: 'passwd', kind: 'file', content: 'replaced' },
    ]);
    const at = (name: string) => lstatSync(join(rootfs, 'etc', name), { bigint: true });
    expect(at('new/dir/file')).toMatchObject({ uid: 7n, gid: 8n, nlink: 2n, mtimeNs: modified });
    expect(Number(at('new/dir/file').mode) & 0o7777).toBe(0o2640);
    expect(at('dir')).toMatchObject({ uid: 5n, mtimeNs: modified });
    expect(at('null').isCharacterDevice()).toBe(true);
    expect(at('pipe').isFIFO()).toBe(true);
    expect(readFileSync(join(rootfs, 'etc/passwd'), 'utf8')).toBe('replaced');
  });

  test('gives all to one owner when asked to', async () => {
    await put(
      '/',
      [
        { name: 'd', kind: 'directory' },
        { name: 'd/f', kind: 'file', uid: 3 },
      ],
      { owner: { uid: 1000, gid: 50 } },
    );
    expect(lstatSync(join(rootfs, 'd/f'))).toMatchObject({ uid: 1000, gid: 50 });
    expect(lstatSync(join(rootfs, 'd'))).toMatchObject({ uid: 1000, gid: 50 });
  });

  test('takes a compressed archive, in any pieces', async () => {
    const packed = gzipSync(await tar({ name: 'zipped', kind: 'file', content: 'x'.repeat(100_000) }));
    const pieces = Array.from(packed, byte => Uint8Array.of(byte));
    await putArchive(view, '/', source(...pieces), { noOverwriteDirNonDir: false });
    expect(readFileSync(join(rootfs, 'zipped'), 'utf8')).toHaveLength(100_000);
  });

  test('replaces what is there, unless told not to', async () => {
    mkdirSync(join(rootfs, 'dir/sub'), { recursive: true });
    writeFileSync(join(rootfs, 'file'), '');
    const strict = { noOverwriteDirNonDir: true };
    expect((await failure(put('/', [{ name: 'dir', kind: 'file' }], strict))).message).toBe(
      'cannot overwrite directory "dir" with non-directory "/"',
    );
    expect((await failure(put('/', [{ name: 'file', kind: 'directory' }], strict))).message).toBe(
      'cannot overwrite non-directory "file" with directory "/"',
    );
    await put('/', [
      { name: 'dir', kind: 'file' },
      { name: 'file', kind: 'directory' },
    ]);
    expect(lstatSync(join(rootfs, 'dir')).isFile()).toBe(true);
    expect(lstatSync(join(rootfs, 'file')).isDirectory()).toBe(true);
  });

  test('does not leave the root, whatever links there are', async () => {
    symlinkSync(base, join(rootfs, 'escape'));
    symlinkSync('../'.repeat(20), join(rootfs, 'up'));
    await put('/up', [{ name: 'x', kind: 'file' }]);
    expect(existsSync(join(rootfs, 'x'))).toBe(true);
    expect((await failure(put('/escape', [{ name: 'passwd', kind: 'file' }]))).message).toContain('Could not find');
    expect((await failure(put('/etc', [{ name: '../../passwd', kind: 'file' }]))).message).toBe(
      'invalid entry name "../../passwd"',
    );
    await put('/etc', [
      { name: 'via', kind: 'symlink', linkName: base },
      { name: 'hard', kind: 'hardlink', linkName: '/passwd' },
    ]);
    await failure(put('/etc', [{ name: 'via/passwd', kind: 'file', content: 'broken out' }]));
    expect(
      (await failure(put('/etc', [{ name: 'h', kind: 'hardlink', linkName: '../../../passwd' }]))).message,
    ).toContain('invalid entry name');
  });

  test('refuses what is no directory, not there, or read-only', async () => {
    mkdirSync(join(base, 'volume'));
    const files: Input[] = [{ name: 'f', kind: 'file' }];
    expect((await failure(put('/etc/passwd', files))).message).toBe('extraction point is not a directory');
    expect((await failure(put('/no', files))).message).toBe('Could not find the file /no in container c1');
    const volume = join(base, 'volume');
    view = {
      ...view,
      readonlyRootfs: true,
      mounts: [
        { source: volume, destination: '/ro', rw: false },
        { source: volume, destination: '/rw', rw: true },
      ],
    };
    expect((await failure(put('/etc', files))).message).toBe('container rootfs is marked read-only');
    expect((await failure(put('/ro', files))).message).toBe('mounted volume is marked read-only');
    expect(readdirSync(volume)).toEqual([]);
    await put('/rw', files);
    expect(readdirSync(volume)).toEqual(['f']);
  });

  test('what is no archive is refused, what breaks off too', async () => {
    const broken = Buffer.alloc(2048, 'no tar');
    expect((await failure(putArchive(view, '/', source(broken), { noOverwriteDirNonDir: false }))).message).toContain(
      'tar:',
    );
    const half = (await tar({ name: 'f', kind: 'file', content: 'x'.repeat(5000) })).subarray(0, 3000);
    expect((await failure(putArchive(view, '/', source(half), { noOverwriteDirNonDir: false }))).message).toContain(
      'tar',
    );
  });
});

test('export has the root without its mounts, with owners and modes', async () => {
  mkdirSync(join(base, 'volume'));
  writeFileSync(join(base, 'volume/secret'), '');
  mkdirSync(join(rootfs, 'data'));
  chownSync(join(rootfs, 'etc/passwd'), 12, 34);
  view = { ...view, mounts: [{ source: join(base, 'volume'), destination: '/data', rw: true }] };
  expect(await members(await exportRoot(view, signal))).toEqual({
    'data/': 'directory',
    'etc/': 'directory',
    'etc/passwd': 'file: inside',
  });
  for await (const member of readTar(await exportRoot(view, signal))) {
    if (member.name === 'etc/passwd') expect(member).toMatchObject({ uid: 12, gid: 34 });
  }
});
