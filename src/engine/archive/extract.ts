// A tar into a directory of a container. Runs inside the container's root, so links in it or in the archive lead no further.
import { closeSync, lstatSync, rmSync, type Stats, writeSync } from 'node:fs';
import { posix } from 'node:path';
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
import { errnoOf, failed, invalid } from '../../lib/errors.ts';
import { encodeName } from '../../lib/file-name.ts';
import type { TarEntry } from '../../lib/tar/entry.ts';
import type { TarHandler } from '../../lib/tar/parser.ts';
import type { ExtractOptions } from './protocol.ts';

export class Extractor implements TarHandler {
  #file: { fd: number; entry: TarEntry } | undefined;
  /** Set at the end: making something in a directory changes its time. */
  readonly #directories = new Map<string, TarEntry>();

  constructor(
    private readonly directory: string,
    private readonly options: ExtractOptions,
  ) {}

  entry(entry: TarEntry): void {
    const name = localName(entry.name);
    if (name === '') return;
    const path = this.#pathOf(name);
    const existing = statOf(path);
    if (existing) this.#giveWay(name, path, existing, entry);
    else this.#makeParents(name);
    this.#create(path, entry, existing?.isDirectory() === true);
  }

  data(bytes: Uint8Array, offset: number): void {
    if (!this.#file) return;
    for (let written = 0; written < bytes.length; ) {
      written += writeSync(this.#file.fd, bytes, written, bytes.length - written, offset + written);
    }
  }

  end(): void {
    if (!this.#file) return;
    const { fd, entry } = this.#file;
    this.#file = undefined;
    try {
      // A hole at the end has no data to make it.
      if (entry.segments) setLength(fd, entry.size);
      this.#dress(fd, entry);
      setTimes(fd, entry.accessed ?? entry.modified, entry.modified);
    } finally {
      closeSync(fd);
    }
  }

  finish(): void {
    for (const [path, entry] of this.#directories) {
      // A later entry may have taken its place.
      if (statOf(path)?.isDirectory()) setTimes(path, entry.accessed ?? entry.modified, entry.modified);
    }
  }

  #pathOf(name: string): string {
    return posix.join(this.directory, name);
  }

  /** What stands there is replaced; only a directory for a directory stays. */
  #giveWay(name: string, path: string, existing: Stats, entry: TarEntry): void {
    const isDirectory = existing.isDirectory();
    if (isDirectory && entry.kind === 'directory') return;
    if (this.options.noOverwriteDirNonDir && isDirectory !== (entry.kind === 'directory')) {
      const [what, by] = isDirectory ? ['directory', 'non-directory'] : ['non-directory', 'directory'];
      throw failed(`cannot overwrite ${what} ${JSON.stringify(name)} with ${by} ${JSON.stringify(this.directory)}`);
    }
    rmSync(encodeName(path), { recursive: isDirectory });
  }

  /** Directories that the archive has files in but does not mention. */
  #makeParents(name: string): void {
    const parts = name.split('/');
    for (let count = 1; count < parts.length; count++) {
      const parent = this.#pathOf(parts.slice(0, count).join('/'));
      if (!statOf(parent)) makeDirectory(parent, 0o755);
    }
  }

  #create(path: string, entry: TarEntry, exists: boolean): void {
    switch (entry.kind) {
      case 'file':
        this.#file = { fd: createFile(path, 0o600), entry };
        return;
      case 'hardlink':
        makeHardLink(this.#pathOf(localName(entry.linkName)), path);
        return;
      case 'directory':
        if (!exists) makeDirectory(path, 0o755);
        this.#dress(path, entry);
        this.#directories.set(path, entry);
        return;
      case 'symlink':
        makeSymlink(entry.linkName, path);
        break;
      case 'fifo':
        makeFifo(path, 0o600);
        break;
      case 'character':
      case 'block':
        makeDevice(path, entry.kind, { major: entry.deviceMajor, minor: entry.deviceMinor }, 0o600);
    }
    this.#dress(path, entry);
    setTimes(path, entry.accessed ?? entry.modified, entry.modified);
  }

  /** Owner, attributes, mode: in the order in which none undoes another. */
  #dress(file: string | number, entry: TarEntry): void {
    const { uid, gid } = this.options.owner ?? entry;
    setOwner(file, uid, gid);
    for (const [name, value] of entry.xattrs) {
      try {
        setXattr(file, name, value);
      } catch (error) {
        // Not for this kind of file, or not for us: others leave it out too.
        if (errnoOf(error) !== 'EPERM') throw error;
      }
    }
    if (entry.kind !== 'symlink') setMode(file, entry.mode);
  }
}

/** Relative to the place of extraction; '' is that place itself. */
function localName(name: string): string {
  const clean = posix.normalize(name.replace(/^\/+/, '')).replace(/\/$/, '');
  if (clean === '.' || clean === '') return '';
  if (clean === '..' || clean.startsWith('../')) throw invalid(`invalid entry name ${JSON.stringify(name)}`);
  return clean;
}

function statOf(path: string): Stats | undefined {
  return lstatSync(encodeName(path), { throwIfNoEntry: false });
}
