// An overlay's upper directory as a layer's archive: what was removed becomes whiteouts, what overlayfs notes for itself
// stays out. Runs inside a chroot to that directory.
import { closeSync, lstatSync, readdirSync, readlinkSync, readSync, type Stats } from 'node:fs';
import { deviceNumbers, modificationTime, openFile, xattr, xattrNames } from '../../kernel/files.ts';
import { decodeName, encodeName } from '../../lib/file-name.ts';
import type { TarEntry, TarKind } from '../../lib/tar/entry.ts';
import { encodeTarHeader, TAR_END, tarEntry, tarPadding } from '../../lib/tar/writer.ts';

const BLOCK_SIZE = 256 * 1024;
const WHITEOUT_PREFIX = '.wh.';
const OPAQUE_MARKER = '.wh..wh..opq';

/** Of the attributes a file can have, those that belong to it and not to this machine. */
const carried = /^(security\.capability$|user\.(?!overlay\.))/;

/** The bytes of the archive, each piece in a buffer of its own. */
export function* archiveLayer(): Generator<Uint8Array, void, void> {
  yield* directoryContents('', new Map());
  yield TAR_END;
}

type SeenInodes = Map<string, string>;

function* directoryContents(directory: string, seen: SeenInodes): Generator<Uint8Array, void, void> {
  const names = readdirSync(encodeName(`/${directory}`), { encoding: 'buffer' }).sort(Buffer.compare);
  for (const name of names.map(decodeName)) {
    const path = directory === '' ? name : `${directory}/${name}`;
    const stats = lstatSync(encodeName(`/${path}`));
    yield* member(path, name, directory, stats, seen);
    if (!stats.isDirectory()) continue;
    if (xattr(`/${path}`, 'trusted.overlay.opaque')?.toString() === 'y') {
      yield encodeTarHeader(tarEntry({ name: `${path}/${OPAQUE_MARKER}`, kind: 'file' }));
    }
    yield* directoryContents(path, seen);
  }
}

function* member(
  path: string,
  name: string,
  directory: string,
  stats: Stats,
  seen: SeenInodes,
): Generator<Uint8Array, void, void> {
  if (stats.isCharacterDevice() && stats.rdev === 0) {
    const whiteout = `${directory === '' ? '' : `${directory}/`}${WHITEOUT_PREFIX}${name}`;
    yield encodeTarHeader(tarEntry({ name: whiteout, kind: 'file' }));
    return;
  }
  const kind = kindOf(stats);
  // A tar has no sockets.
  if (kind === undefined) return;
  const entry = entryOf(path, kind, stats);
  if (kind !== 'directory' && stats.nlink > 1) {
    const inode = `${stats.dev}:${stats.ino}`;
    const first = seen.get(inode);
    if (first !== undefined) {
      yield encodeTarHeader({ ...entry, kind: 'hardlink', linkName: first, size: 0, xattrs: new Map() });
      return;
    }
    seen.set(inode, path);
  }
  if (kind === 'file') yield* file(path, entry);
  else yield encodeTarHeader(entry);
}

function entryOf(path: string, kind: TarKind, stats: Stats): TarEntry {
  const device = kind === 'character' || kind === 'block' ? deviceNumbers(BigInt(stats.rdev)) : { major: 0, minor: 0 };
  return tarEntry({
    name: path,
    kind,
    size: kind === 'file' ? stats.size : 0,
    mode: stats.mode & 0o7777,
    uid: stats.uid,
    gid: stats.gid,
    modified: modificationTime(`/${path}`),
    linkName: kind === 'symlink' ? decodeName(readlinkSync(encodeName(`/${path}`), { encoding: 'buffer' })) : '',
    deviceMajor: device.major,
    deviceMinor: device.minor,
    xattrs: carriedXattrs(`/${path}`),
  });
}

function carriedXattrs(path: string): ReadonlyMap<string, Uint8Array> {
  const values = new Map<string, Uint8Array>();
  for (const name of xattrNames(path)) {
    const value = carried.test(name) ? xattr(path, name) : undefined;
    if (value) values.set(name, value);
  }
  return values;
}

function* file(path: string, entry: TarEntry): Generator<Uint8Array, void, void> {
  yield encodeTarHeader(entry);
  const fd = openFile(`/${path}`);
  try {
    for (let left = entry.size; left > 0; ) {
      const block = Buffer.allocUnsafe(Math.min(left, BLOCK_SIZE));
      const count = readSync(fd, block);
      // A container that runs on may have cut it short: the archive was promised all of it.
      const bytes = count > 0 ? block.subarray(0, count) : block.fill(0);
      left -= bytes.length;
      yield bytes;
    }
    if (entry.size % 512 !== 0) yield tarPadding(entry.size);
  } finally {
    closeSync(fd);
  }
}

function kindOf(stats: Stats): TarKind | undefined {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  if (stats.isSymbolicLink()) return 'symlink';
  if (stats.isFIFO()) return 'fifo';
  if (stats.isCharacterDevice()) return 'character';
  if (stats.isBlockDevice()) return 'block';
  return undefined;
}
