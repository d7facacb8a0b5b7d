// What tar needs of a file system and Node has no exact call for: special files, links' own attributes, nanoseconds,
// extended attributes, chroot. Names may hold any bytes (lib/file-name.ts). Nothing here follows a link at a path's end.
import { constants, lstatSync } from 'node:fs';
import { encodeName } from '../lib/file-name.ts';
import { check, errno, KernelError, libc } from './libc.ts';

const c = libc({
  open: ['ptr', 'i32', 'u32'],
  close: ['i32'],
  mkdir: ['ptr', 'u32'],
  mknod: ['ptr', 'u32', 'u64'],
  symlink: ['ptr', 'ptr'],
  linkat: ['i32', 'ptr', 'i32', 'ptr', 'i32'],
  lchown: ['ptr', 'u32', 'u32'],
  fchown: ['i32', 'u32', 'u32'],
  chmod: ['ptr', 'u32'],
  fchmod: ['i32', 'u32'],
  utimensat: ['i32', 'ptr', 'ptr', 'i32'],
  futimens: ['i32', 'ptr'],
  ftruncate: ['i32', 'i64'],
  lsetxattr: ['ptr', 'ptr', 'ptr', 'u64', 'i32'],
  fsetxattr: ['i32', 'ptr', 'ptr', 'u64', 'i32'],
  chroot: ['ptr'],
  fchdir: ['i32'],
  syncfs: ['i32'],
});
const sized = libc(
  {
    llistxattr: ['ptr', 'ptr', 'u64'],
    lgetxattr: ['ptr', 'ptr', 'ptr', 'u64'],
  },
  'long',
);

const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const O_CLOEXEC = 0o2000000;

const S_IFIFO = 0o010000;
const S_IFCHR = 0o020000;
const S_IFBLK = 0o060000;

const ENODATA = 61;
const EOPNOTSUPP = 95;
const ERANGE = 34;

function cname(path: string): Buffer {
  if (path.includes('\0')) throw new KernelError('path', 22, path);
  return encodeName(`${path}\0`);
}

const NUL = Buffer.alloc(1);

/** A new file for writing; fails with EEXIST whatever is there. The caller owns the descriptor. */
export function createFile(path: string, mode: number): number {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW | O_CLOEXEC;
  return check(c.open(cname(path), flags, mode), 'create', path);
}

/** For reading; fails for a link. The caller owns the descriptor. */
export function openFile(path: string): number {
  return check(c.open(cname(path), constants.O_RDONLY | constants.O_NOFOLLOW | O_CLOEXEC, 0), 'open', path);
}

export function makeDirectory(path: string, mode: number): void {
  check(c.mkdir(cname(path), mode), 'mkdir', path);
}

export function makeFifo(path: string, mode: number): void {
  check(c.mknod(cname(path), S_IFIFO | mode, 0), 'mkfifo', path);
}

export function makeDevice(
  path: string,
  kind: 'character' | 'block',
  device: { major: number; minor: number },
  mode: number,
): void {
  const type = kind === 'character' ? S_IFCHR : S_IFBLK;
  check(c.mknod(cname(path), type | mode, deviceNumber(device)), 'mknod', path);
}

/** glibc's makedev. */
function deviceNumber({ major, minor }: { major: number; minor: number }): bigint {
  const [a, i] = [BigInt(major), BigInt(minor)];
  return (i & 0xffn) | ((a & 0xfffn) << 8n) | ((i & ~0xffn) << 12n) | ((a & ~0xfffn) << 32n);
}

/** And back: `stat.rdev` to its two numbers. */
export function deviceNumbers(device: bigint): { major: number; minor: number } {
  return {
    major: Number(((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n)),
    minor: Number((device & 0xffn) | ((device >> 12n) & 0xffffff00n)),
  };
}

export function makeSymlink(target: string, path: string): void {
  check(c.symlink(cname(target), cname(path)), 'symlink', path);
}

export function makeHardLink(existing: string, path: string): void {
  check(c.linkat(AT_FDCWD, cname(existing), AT_FDCWD, cname(path), 0), 'link', `${path} to ${existing}`);
}

export function setOwner(file: string | number, uid: number, gid: number): void {
  if (typeof file === 'number') check(c.fchown(file, uid, gid), 'chown', String(file));
  else check(c.lchown(cname(file), uid, gid), 'chown', file);
}

/** Not for links: they have no mode of their own, and this would follow them. */
export function setMode(file: string | number, mode: number): void {
  if (typeof file === 'number') check(c.fchmod(file, mode), 'chmod', String(file));
  else check(c.chmod(cname(file), mode), 'chmod', file);
}

const times = new BigInt64Array(4);

/** Nanoseconds since 1970. */
export function setTimes(file: string | number, accessed: bigint, modified: bigint): void {
  putTime(0, accessed);
  putTime(2, modified);
  if (typeof file === 'number') check(c.futimens(file, times), 'set times of', String(file));
  else check(c.utimensat(AT_FDCWD, cname(file), times, AT_SYMLINK_NOFOLLOW), 'set times of', file);
}

function putTime(at: number, nanoseconds: bigint): void {
  const rest = ((nanoseconds % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  times[at] = (nanoseconds - rest) / 1_000_000_000n;
  times[at + 1] = rest;
}

/** Nanoseconds since 1970. */
export function modificationTime(path: string): bigint {
  return lstatSync(encodeName(path), { bigint: true }).mtimeNs;
}

export function setLength(fd: number, length: number): void {
  check(c.ftruncate(fd, BigInt(length)), 'ftruncate', String(fd));
}

/** False where the file system has no such attributes. */
export function setXattr(file: string | number, name: string, value: Uint8Array): boolean {
  // An empty array has no address.
  const data = value.length === 0 ? NUL : value;
  const result =
    typeof file === 'number'
      ? c.fsetxattr(file, cname(name), data, value.length, 0)
      : c.lsetxattr(cname(file), cname(name), data, value.length, 0);
  if (result === 0) return true;
  const code = errno();
  if (code === EOPNOTSUPP) return false;
  throw new KernelError(`setxattr ${name}`, code, String(file));
}

export function xattrNames(path: string): string[] {
  const list = sizedRead('llistxattr', path, (buffer, size) => sized.llistxattr(cname(path), buffer, size));
  return list === undefined ? [] : list.toString('utf8').split('\0').filter(Boolean);
}

/** Undefined if there is none of this name. */
export function xattr(path: string, name: string): Buffer | undefined {
  const file = cname(path);
  const attribute = cname(name);
  return sizedRead(`getxattr ${name}`, path, (buffer, size) => sized.lgetxattr(file, attribute, buffer, size));
}

function sizedRead(call: string, path: string, read: (buffer: Buffer | null, size: number) => number) {
  for (;;) {
    const size = read(null, 0);
    const buffer = size > 0 ? Buffer.alloc(size) : undefined;
    const length = buffer ? read(buffer, size) : size;
    if (length >= 0) return buffer?.subarray(0, length) ?? Buffer.alloc(0);
    const code = errno();
    if (code === ENODATA || code === EOPNOTSUPP) return undefined;
    // It grew between the two calls.
    if (code !== ERANGE) throw new KernelError(call, code, path);
  }
}

/** Waits until the whole file system that the descriptor is on has reached its disk. */
export function syncFileSystem(fd: number): void {
  check(c.syncfs(fd), 'syncfs', String(fd));
}

/**
 * From now on `directory` is this process's root and working directory. No path leads back; only a descriptor that was
 * opened outside before.
 */
export function changeRoot(directory: string | number): void {
  if (typeof directory === 'number') check(c.fchdir(directory), 'chdir', String(directory));
  check(c.chroot(cname(typeof directory === 'number' ? '.' : directory)), 'chroot', String(directory));
  process.chdir('/');
}
