// A container's tar stream into a local directory. The archive is not to be trusted: whatever names and links it holds,
// nothing outside of the directory is touched.
import { closeSync, lstatSync, rmSync, writeSync } from 'node:fs';
import * as files from '../../kernel/files.ts';
import { encodeName } from '../../lib/file-name.ts';
import type { ByteSource } from '../../lib/streams.ts';
import { readTar, type TarMember } from '../../lib/tar/reader.ts';
import { ExitError } from '../framework/errors.ts';

export interface UnpackOptions {
  /** Gives an entry another name; hard links point at renamed entries, too. */
  rename?: (name: string) => string;
}

export async function unpack(archive: ByteSource, directory: string, options: UnpackOptions = {}): Promise<void> {
  const unpacker = new Unpacker(directory, options.rename ?? (name => name));
  for await (const member of readTar(archive)) await unpacker.add(member);
  unpacker.finish();
}

class Unpacker {
  /** Directories below the root that are known to be real ones. */
  readonly #real = new Set<string>(['']);
  /** Writing into a directory changes its time: those are set last. */
  readonly #directoryTimes: [string, bigint][] = [];

  constructor(
    private readonly root: string,
    private readonly rename: (name: string) => string,
  ) {}

  async add(member: TarMember): Promise<void> {
    const name = this.#inside(this.rename(member.name));
    this.#ensureParents(name);
    const path = this.#pathOf(name);
    this.#makeRoom(name, path, member.kind === 'directory');
    await this.#create(member, name, path);
    if (member.kind === 'hardlink') return;
    for (const [attribute, value] of member.xattrs) files.setXattr(path, attribute, value);
    if (member.kind !== 'symlink') files.setMode(path, member.mode & 0o7777);
    if (member.kind === 'directory') this.#directoryTimes.push([path, member.modified]);
    else files.setTimes(path, member.accessed ?? member.modified, member.modified);
  }

  finish(): void {
    for (const [path, modified] of this.#directoryTimes.reverse()) files.setTimes(path, modified, modified);
  }

  /** The path below the root, without empty parts; names that climb out are refused. */
  #inside(name: string): string {
    const parts = name.split('/').filter(part => part !== '' && part !== '.');
    if (parts.includes('..')) throw new ExitError(1, `invalid entry in the archive: ${name} leaves the destination`);
    return parts.join('/');
  }

  #pathOf(name: string): string {
    return name === '' ? this.root : `${this.root}/${name}`;
  }

  /** A parent that is a link would lead elsewhere; one that is missing is made. */
  #ensureParents(name: string): void {
    const parts = name.split('/').slice(0, -1);
    for (let depth = 1; depth <= parts.length; depth++) {
      const parent = parts.slice(0, depth).join('/');
      if (this.#real.has(parent)) continue;
      const stat = this.#stat(this.#pathOf(parent));
      if (!stat) files.makeDirectory(this.#pathOf(parent), 0o755);
      else if (!stat.isDirectory()) {
        throw new ExitError(1, `invalid entry in the archive: ${name} goes through ${parent}, which is no directory`);
      }
      this.#real.add(parent);
    }
  }

  /** What is there gives way, unless a directory would replace something else or be replaced by it. */
  #makeRoom(name: string, path: string, wantsDirectory: boolean): void {
    const stat = this.#stat(path);
    if (!stat || (stat.isDirectory() && wantsDirectory)) return;
    if (stat.isDirectory()) {
      throw new ExitError(1, `cannot overwrite directory "${path}" with non-directory "${this.root}"`);
    }
    if (wantsDirectory)
      throw new ExitError(1, `cannot overwrite non-directory "${path}" with directory "${this.root}"`);
    rmSync(encodeName(path));
    this.#real.delete(name);
  }

  async #create(member: TarMember, name: string, path: string): Promise<void> {
    switch (member.kind) {
      case 'directory':
        if (!this.#stat(path)) files.makeDirectory(path, 0o700);
        this.#real.add(name);
        return;
      case 'file': {
        const descriptor = files.createFile(path, 0o600);
        try {
          for await (const chunk of member.body) writeAll(descriptor, chunk);
        } finally {
          closeSync(descriptor);
        }
        return;
      }
      case 'symlink':
        files.makeSymlink(member.linkName, path);
        return;
      case 'hardlink': {
        const target = this.#inside(this.rename(member.linkName));
        this.#ensureParents(target);
        files.makeHardLink(this.#pathOf(target), path);
        return;
      }
      case 'fifo':
        files.makeFifo(path, 0o600);
        return;
      case 'character':
      case 'block':
        files.makeDevice(path, member.kind, { major: member.deviceMajor, minor: member.deviceMinor }, 0o600);
    }
  }

  #stat(path: string) {
    return lstatSync(encodeName(path), { throwIfNoEntry: false });
  }
}

function writeAll(descriptor: number, chunk: Uint8Array): void {
  for (let at = 0; at < chunk.length; ) at += writeSync(descriptor, chunk, at, chunk.length - at);
}
