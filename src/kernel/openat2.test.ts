import { afterAll, beforeAll, expect, test } from 'bun:test';
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RootDirectory } from './openat2.ts';

let scratch = '';
let root: RootDirectory;

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'openat2-'));
  mkdirSync(join(scratch, 'root/etc'), { recursive: true });
  mkdirSync(join(scratch, 'outside'));
  writeFileSync(join(scratch, 'outside/secret'), 'secret');
  writeFileSync(join(scratch, 'root/etc/passwd'), 'inside');
  symlinkSync('/etc/passwd', join(scratch, 'root/absolute'));
  symlinkSync('../../../../../../etc/passwd', join(scratch, 'root/climbing'));
  symlinkSync(join(scratch, 'outside/secret'), join(scratch, 'root/escaping'));
  symlinkSync('/made/by/link', join(scratch, 'root/dangling'));
  symlinkSync('loop', join(scratch, 'root/loop'));
  root = new RootDirectory(join(scratch, 'root'));
});

afterAll(() => {
  root[Symbol.dispose]();
  rmSync(scratch, { recursive: true });
});

function read(path: string): string {
  const fd = root.open(path, constants.O_RDONLY);
  try {
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

test('absolute links and .. stay inside', () => {
  for (const path of ['/etc/passwd', 'absolute', '/climbing', '../../etc/passwd', '/absolute']) {
    expect(read(path)).toBe('inside');
  }
});

test('a link that names a path outside finds nothing', () => {
  expect(() => read('escaping')).toThrow('ENOENT');
});

test('links that lead to themselves are an error', () => {
  expect(() => read('loop')).toThrow('ELOOP');
  expect(() => root.mkdirAll('/loop/below', 0o755)).toThrow('ELOOP');
});

test('stat follows, lstat and readlink do not', () => {
  expect(root.stat('absolute').isFile()).toBe(true);
  expect(root.lstat('absolute').isSymbolicLink()).toBe(true);
  expect(root.readlink('absolute')).toBe('/etc/passwd');
  expect(() => root.readlink('etc/passwd')).toThrow();
});

test('resolve answers in terms of the root', () => {
  expect(root.resolve('climbing')).toBe('/etc/passwd');
  expect(root.resolve('/')).toBe('/');
});

test('mkdirAll makes what is missing, also behind a dangling link', () => {
  expect(root.mkdirAll('/a/b/../c', 0o755, { uid: 12, gid: 34 })).toBe(true);
  expect(statSync(join(scratch, 'root/a/c')).uid).toBe(12);
  expect(root.mkdirAll('/a/c', 0o755)).toBe(false);
  expect(root.mkdirAll('/dangling/deep', 0o755)).toBe(true);
  expect(existsSync(join(scratch, 'root/made/by/link/deep'))).toBe(true);
  expect(() => root.mkdirAll('/etc/passwd', 0o755)).toThrow('ENOTDIR');
  expect(() => root.mkdirAll('/etc/passwd/x', 0o755)).toThrow('ENOTDIR');
});
