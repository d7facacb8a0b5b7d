// A tree of files to a tar, synchronously: for a helper process inside somebody's root, which has nothing else to do.
import { closeSync, lstatSync, readdirSync, readlinkSync, readSync, type Stats } from 'node:fs';
import { deviceNumbers, openFile, xattr } from '../../kernel/files.ts';
import { errnoOf } from '../../lib/errors.ts';
import { decodeName, encodeName } from '../../lib/file-name.ts';
import type { TarEntry, TarKind } from '../../lib/tar/entry.ts';
import { encodeTarHeader, TAR_END, tarEntry, tarPadding } from '../../lib/tar/writer.ts';

/** Takes bytes that are valid only during the call. */
export type ByteSink = (bytes: Uint8Array) => void;

const blockSize = 256 * 1024;
const capability = 'security.capability';

/** Something that vanished, or is not what it was, while the tree was walked: a container may be running in it. */
const passing = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'EINVAL']);

export class TreeArchiver {
  /** The first name of a file that has several. */
  readonly #names = new Map<string, string>();
  readonly #block = Buffer.allocUnsafeSlow(blockSize);

  constructor(private readonly write: ByteSink) {}

  /** Adds `path` as `name`, with all that is below it. */
  add(path: string, name: string): void {
    const stats = this.#present(() => lstatSync(encodeName(path)));
    if (!stats) return;
    this.#addOne(path, name, stats);
    if (stats.isDirectory()) this.addContents(path, name);
  }

  /** Adds what is in a directory, without the directory itself. */
  addContents(path: string, name: string): void {
    const children = this.#present(() => readdirSync(encodeName(path), { encoding: 'buffer' })) ?? [];
    for (const child of children.sort(Buffer.compare).map(decodeName)) {
      this.add(`${path === '/' ? '' : path}/${child}`, name === '' ? child : `${name}/${child}`);
    }
  }

  finish(): void {
    this.write(TAR_END);
  }

  #present<T>(look: () => T): T | undefined {
    try {
      return look();
    } catch (error) {
      if (passing.has(errnoOf(error) ?? '')) return undefined;
      throw error;
    }
  }

  #addOne(path: string, name: string, stats: Stats): void {
    const kind = kindOf(stats);
    // A tar has no sockets.
    if (kind === undefined) return;
    const entry = tarEntry({
      name,
      kind,
      mode: stats.mode & 0o7777,
      uid: stats.uid,
      gid: stats.gid,
      modified: BigInt(Math.floor(stats.mtimeMs / 1000)) * 1_000_000_000n,
    });
    if (kind !== 'directory' && stats.nlink > 1) {
      const inode = `${stats.dev}:${stats.ino}`;
      const first = this.#names.get(inode);
      if (first !== undefined) {
        this.write(encodeTarHeader({ ...entry, kind: 'hardlink', linkName: first }));
        return;
      }
      this.#names.set(inode, name);
    }
    if (kind === 'file') {
      this.#addFile(path, entry);
      return;
    }
    if (kind === 'symlink') {
      const target = this.#present(() => readlinkSync(encodeName(path), { encoding: 'buffer' }));
      if (target === undefined) return;
      entry.linkName = decodeName(target);
    } else if (kind === 'character' || kind === 'block') {
      const { major, minor } = deviceNumbers(BigInt(stats.rdev));
      entry.deviceMajor = major;
      entry.deviceMinor = minor;
    }
    this.write(encodeTarHeader(entry));
  }

  #addFile(path: string, entry: TarEntry): void {
    const fd = this.#present(() => openFile(path));
    if (fd === undefined) return;
    try {
      const { size } = lstatSync(encodeName(path));
      const value = xattr(path, capability);
      this.write(encodeTarHeader({ ...entry, size, xattrs: value ? new Map([[capability, value]]) : entry.xattrs }));
      let left = size;
      while (left > 0) {
        const count = readSync(fd, this.#block, 0, Math.min(left, blockSize), null);
        // It shrank meanwhile: the archive was promised all of it.
        const bytes =
          count > 0 ? this.#block.subarray(0, count) : this.#block.subarray(0, Math.min(left, blockSize)).fill(0);
        this.write(bytes);
        left -= bytes.length;
      }
      this.write(tarPadding(size));
    } finally {
      closeSync(fd);
    }
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
