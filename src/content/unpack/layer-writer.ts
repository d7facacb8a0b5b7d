// A layer's archive becomes a directory that overlayfs can stack. Runs as root inside a chroot to that directory: whatever
// the names and links in the archive say, they lead nowhere else.
import { closeSync, lstatSync, rmSync, type Stats, writeSync } from 'node:fs';
import {
  createFile,
  makeDevice,
  makeDirectory,
  makeFifo,
  makeHardLink,
  makeSymlink,
  setLength,
  setMode,
  setOwner,
  setTimes,
  setXattr,
} from '../../kernel/files.ts';
import { errnoOf, invalid } from '../../lib/errors.ts';
import { encodeName } from '../../lib/file-name.ts';
import type { TarEntry } from '../../lib/tar/entry.ts';
import type { TarHandler } from '../../lib/tar/parser.ts';
import { memberPath, parentOf } from './member-name.ts';

const WHITEOUT_PREFIX = '.wh.';
const OPAQUE_MARKER = '.wh..wh..opq';
/** Bookkeeping of AUFS, which nothing needs any more. */
const AUFS_PREFIX = '.wh..wh.';

/** How overlayfs says that a directory hides what lies under it. */
const OPAQUE_XATTR = 'trusted.overlay.opaque';
const OVERLAY_XATTRS = /^(trusted|user)\.overlay\./;

const MAX_ENTRIES = 10_000_000;

export interface LayerSummary {
  /** Sum of the files' lengths. */
  size: number;
  entries: number;
  /** Directories that had to be made though the archive does not have them; the layer below knows how they look. */
  implied: string[];
}

export class LayerWriter implements TarHandler {
  #size = 0;
  #entries = 0;
  readonly #implied = new Set<string>(['']);
  /** Set at the very end: making something in a directory changes its time. */
  readonly #directoryTimes = new Map<string, TarEntry>();
  /** A directory so far had its set-group-id bit. */
  #groupsHandedDown = false;
  #file: { fd: number; entry: TarEntry } | undefined;

  entry(entry: TarEntry): void {
    if (++this.#entries > MAX_ENTRIES) throw invalid(`invalid layer: it has more than ${MAX_ENTRIES} entries`);
    const name = memberPath(entry.name);
    const base = name.slice(name.lastIndexOf('/') + 1);
    if (base.startsWith(WHITEOUT_PREFIX)) this.#whiteout(parentOf(name), base);
    else if (entry.kind === 'directory') this.#directory(name, entry);
    else if (name === '') throw invalid('invalid layer: its root is not a directory');
    else this.#node(name, entry);
  }

  data(bytes: Uint8Array, offset: number): void {
    if (!this.#file) return;
    let written = 0;
    while (written < bytes.length) {
      written += writeSync(this.#file.fd, bytes, written, bytes.length - written, offset + written);
    }
  }

  end(): void {
    if (!this.#file) return;
    const { fd, entry } = this.#file;
    // A hole at the end has no data to make it.
    if (entry.segments) setLength(fd, entry.size);
    // Most files are whole when they are made.
    if (!this.#isPlain(entry)) this.#dress(fd, entry);
    setTimes(fd, entry.accessed ?? entry.modified, entry.modified);
    closeSync(fd);
    this.#file = undefined;
  }

  finish(): LayerSummary {
    for (const [path, entry] of this.#directoryTimes) {
      try {
        setTimes(`/${path}`, entry.accessed ?? entry.modified, entry.modified);
      } catch (error) {
        // A later entry took its place.
        if (errnoOf(error) !== 'ENOENT' && errnoOf(error) !== 'ENOTDIR') throw error;
      }
    }
    return { size: this.#size, entries: this.#entries, implied: [...this.#implied].sort() };
  }

  #node(name: string, entry: TarEntry): void {
    const path = `/${name}`;
    switch (entry.kind) {
      case 'file': {
        this.#place(name, () => {
          this.#file = { fd: createFile(path, this.#isPlain(entry) ? entry.mode : 0o600), entry };
        });
        this.#size += entry.size;
        return;
      }
      case 'hardlink': {
        const target = memberPath(entry.linkName);
        this.#place(name, () => this.#hardLink(target, path));
        // The last entry of a file says what it is like, also where it is a link: for Docker and podman, too.
        if (statOf(path)?.isSymbolicLink()) return;
        break;
      }
      case 'symlink':
        this.#place(name, () => makeSymlink(entry.linkName, path));
        break;
      case 'fifo':
        this.#place(name, () => makeFifo(path, 0o600));
        break;
      case 'character':
      case 'block': {
        const { kind, deviceMajor: major, deviceMinor: minor } = entry;
        this.#place(name, () => makeDevice(path, kind, { major, minor }, 0o600));
        break;
      }
      case 'directory':
        throw new Error('directories are made elsewhere');
    }
    this.#dress(path, entry);
    setTimes(path, entry.accessed ?? entry.modified, entry.modified);
  }

  #hardLink(target: string, path: string): void {
    try {
      makeHardLink(`/${target}`, path);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT' || statOf(`/${target}`)) throw error;
      throw invalid(`invalid layer: ${path} is a hard link to /${target}, which is not in the layer`, error);
    }
  }

  #directory(name: string, entry: TarEntry): void {
    const path = `/${name}`;
    if (name !== '') {
      const existing = this.#placeDirectory(name);
      if (existing === 'whiteout') this.#makeOpaque(path);
    }
    this.#implied.delete(name);
    if ((entry.mode & 0o2000) !== 0) this.#groupsHandedDown = true;
    this.#dress(path, entry);
    this.#directoryTimes.set(name, entry);
  }

  /** What stood there before; a directory stays as it is. */
  #placeDirectory(name: string): 'nothing' | 'directory' | 'whiteout' {
    const path = `/${name}`;
    let before: 'nothing' | 'directory' | 'whiteout' = 'nothing';
    this.#place(
      name,
      () => makeDirectory(path, 0o755),
      existing => {
        before = existing.isDirectory() ? 'directory' : isWhiteout(existing) ? 'whiteout' : 'nothing';
        return before === 'directory' ? 'keep' : 'replace';
      },
    );
    return before;
  }

  #whiteout(parent: string, base: string): void {
    if (base === OPAQUE_MARKER) {
      if (parent !== '') this.#ensureDirectory(parent);
      this.#makeOpaque(`/${parent}`);
      return;
    }
    if (base.startsWith(AUFS_PREFIX)) return;
    const hidden = base.slice(WHITEOUT_PREFIX.length);
    if (hidden === '' || hidden === '.' || hidden === '..') {
      throw invalid(`invalid layer: ${JSON.stringify(base)} hides nothing that could be there`);
    }
    const name = parent === '' ? hidden : `${parent}/${hidden}`;
    this.#place(
      name,
      () => makeDevice(`/${name}`, 'character', { major: 0, minor: 0 }, 0),
      existing => {
        // It hides what is in layers below; what this layer puts in its place stays.
        if (existing.isDirectory()) this.#makeOpaque(`/${name}`);
        return 'keep';
      },
    );
  }

  #makeOpaque(path: string): void {
    setXattr(path, OPAQUE_XATTR, YES);
  }

  /** What root makes belongs to root, unless the directory hands down its group. */
  #isPlain({ uid, gid, mode, xattrs }: TarEntry): boolean {
    return uid === 0 && gid === 0 && mode <= 0o777 && xattrs.size === 0 && !this.#groupsHandedDown;
  }

  /** Owner, attributes, mode: in the order in which none undoes another. */
  #dress(file: string | number, entry: TarEntry): void {
    setOwner(file, entry.uid, entry.gid);
    if (entry.kind !== 'symlink') setMode(file, entry.mode);
    for (const [name, value] of entry.xattrs) {
      // What overlayfs keeps for itself must come from us alone: it could point at other files of the layers below.
      if (!OVERLAY_XATTRS.test(name)) this.#xattr(file, name, value);
    }
  }

  #xattr(file: string | number, name: string, value: Uint8Array): void {
    try {
      setXattr(file, name, value);
    } catch (error) {
      // Links and devices can't have user attributes, some kernels know no such namespace: others skip them too.
      if (errnoOf(error) !== 'EPERM' || !name.startsWith('user.')) throw error;
    }
  }

  /** Makes something where nothing, or something else, may be; and directories above it that are missing. */
  #place(name: string, make: () => void, existing: (stats: Stats) => 'keep' | 'replace' = () => 'replace'): void {
    for (let tries = 0; ; tries++) {
      try {
        make();
        return;
      } catch (error) {
        const code = errnoOf(error);
        if (tries >= 2) throw error;
        if (code === 'EEXIST') {
          const stats = statOf(`/${name}`);
          if (stats && existing(stats) === 'keep') return;
          rmSync(encodeName(`/${name}`), { recursive: stats?.isDirectory() ?? false, force: true });
          this.#directoryTimes.delete(name);
          this.#implied.delete(name);
        } else if (code === 'ENOENT' || code === 'ENOTDIR') {
          const parent = parentOf(name);
          if (parent === '' || statOf(`/${parent}`)?.isDirectory()) throw error;
          this.#ensureDirectory(parent);
        } else {
          throw error;
        }
      }
    }
  }

  /** A directory that the archive did not mention so far. */
  #ensureDirectory(name: string): void {
    let at = '';
    for (const part of name.split('/')) {
      at = at === '' ? part : `${at}/${part}`;
      const stats = statOf(`/${at}`);
      if (stats?.isDirectory()) continue;
      if (stats?.isSymbolicLink()) continue;
      if (stats && !isWhiteout(stats)) throw invalid(`invalid layer: /${at} is not a directory`);
      const before = this.#placeDirectory(at);
      if (before === 'whiteout') this.#makeOpaque(`/${at}`);
      this.#implied.add(at);
    }
  }
}

const YES = Buffer.from('y');

function isWhiteout(stats: Stats): boolean {
  return stats.isCharacterDevice() && stats.rdev === 0;
}

function statOf(path: string): Stats | undefined {
  try {
    return lstatSync(encodeName(path));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}
