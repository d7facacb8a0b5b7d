// What a container changed: its writable layer compared with the layers below. Only directories' descriptors and names in them are
// used, never a path that a running container could turn into a link meanwhile.
import { closeSync, constants, lstatSync, openSync, readdirSync, type Stats } from 'node:fs';
import { xattr } from '../../kernel/files.ts';
import { errnoOf } from '../../lib/errors.ts';
import { decodeName } from '../../lib/file-name.ts';
import type { ChangeType, FilesystemChange } from '../../wire/types.ts';

const modified: ChangeType = 0;
const added: ChangeType = 1;
const deleted: ChangeType = 2;

const slash = Buffer.from('/');
/** After this many files the event loop gets its turn. */
const batch = 400;

/** Places that the runtime needs to mount at, made for every container: they are nobody's change. */
const mountPlaces: Readonly<Record<string, 'directory' | 'file' | 'symlink'>> = {
  '/.dockerenv': 'file',
  '/dev': 'directory',
  '/dev/console': 'file',
  '/dev/pts': 'directory',
  '/dev/shm': 'directory',
  '/etc': 'directory',
  '/etc/hostname': 'file',
  '/etc/hosts': 'file',
  '/etc/mtab': 'symlink',
  '/etc/resolv.conf': 'file',
  '/proc': 'directory',
  '/sys': 'directory',
};

/** `upper` is the writable layer, `lower` the directories under it, topmost first. Parents come before what is in them. */
export async function changes(upper: string, lower: readonly string[]): Promise<FilesystemChange[]> {
  const comparison = new Comparison();
  const root = openDirectory(Buffer.from(upper));
  if (root === undefined) return [];
  try {
    await comparison.directory(
      root,
      lower.map(path => Buffer.from(path)),
      false,
      '',
    );
  } finally {
    closeSync(root);
  }
  return comparison.changes;
}

class Comparison {
  readonly changes: FilesystemChange[] = [];
  #seen = 0;

  /**
   * `below` are the directories of the layers below that made up this one before, topmost first. In a directory that was made
   * anew (`fresh`) they show through no more: what is not made again is deleted.
   */
  async directory(upper: number, below: readonly Buffer[], fresh: boolean, path: string): Promise<void> {
    const base = Buffer.from(`/proc/self/fd/${upper}`);
    const names = new Map(readdirSync(base, { encoding: 'buffer' }).map(name => [name.toString('latin1'), name]));
    const gone = fresh ? namesIn(below).filter(name => !names.has(name.toString('latin1'))) : [];
    const deletions = new Set(gone);
    for (const name of [...names.values(), ...gone].sort(Buffer.compare)) {
      if (++this.#seen % batch === 0) await new Promise(resolve => setImmediate(resolve));
      const shown = `${path}/${decodeName(name)}`;
      const file = Buffer.concat([base, slash, name]);
      const stats = deletions.has(name) ? undefined : statOf(file);
      if (stats) await this.#entry(file, stats, lookUp(below, name), fresh, shown);
      else if (deletions.has(name)) this.changes.push({ Path: shown, Kind: deleted });
    }
  }

  async #entry(file: Buffer, stats: Stats, before: Below | undefined, fresh: boolean, path: string): Promise<void> {
    if (isWhiteout(stats)) {
      if (before) this.changes.push({ Path: path, Kind: deleted });
      return;
    }
    const at = this.changes.length;
    if (stats.isDirectory()) await this.#inside(file, before?.directories ?? [], fresh, path);
    const kind = this.#kind(file, stats, before, path, this.changes.length > at);
    if (kind !== undefined) this.changes.splice(at, 0, { Path: path, Kind: kind });
  }

  async #inside(file: Buffer, below: readonly Buffer[], fresh: boolean, path: string): Promise<void> {
    const fd = openDirectory(file);
    if (fd === undefined) return;
    try {
      await this.directory(fd, below, fresh || isOpaque(`/proc/self/fd/${fd}/.`), path);
    } finally {
      closeSync(fd);
    }
  }

  #kind(
    file: Buffer,
    stats: Stats,
    before: Below | undefined,
    path: string,
    changedInside: boolean,
  ): ChangeType | undefined {
    if (!before && !isMountPlace(path, stats)) return added;
    if (!before) return changedInside ? modified : undefined;
    return changedInside || differs(file, stats, before) ? modified : undefined;
  }
}

/** What the layers below have at a place. */
interface Below {
  path: Buffer;
  stats: Stats;
  /** Those that show through, if it is a directory. */
  directories: Buffer[];
}

function lookUp(layers: readonly Buffer[], name: Buffer): Below | undefined {
  let found: Below | undefined;
  for (const layer of layers) {
    const path = Buffer.concat([layer, slash, name]);
    const stats = statOf(path);
    if (!stats) continue;
    if (isWhiteout(stats)) break;
    if (found && !stats.isDirectory()) break;
    found ??= { path, stats, directories: [] };
    if (!stats.isDirectory()) break;
    found.directories.push(path);
    if (isOpaque(decodeName(path))) break;
  }
  return found;
}

/** The names that show in a stack of lower directories. */
function namesIn(directories: readonly Buffer[]): Buffer[] {
  const names = new Map<string, Buffer>();
  for (const directory of directories) {
    for (const name of readdirSync(directory, { encoding: 'buffer' })) names.set(name.toString('latin1'), name);
  }
  return [...names.values()].filter(name => lookUp(directories, name) !== undefined).sort(Buffer.compare);
}

function differs(file: Buffer, now: Stats, { path, stats: before }: Below): boolean {
  if (now.mode !== before.mode || now.uid !== before.uid || now.gid !== before.gid || now.rdev !== before.rdev)
    return true;
  // Directories change their size and time with what is in them.
  if (!now.isDirectory() && (now.size !== before.size || now.mtimeMs !== before.mtimeMs)) return true;
  if (!now.isFile()) return false;
  const capability = (of: Buffer) => xattr(decodeName(of), 'security.capability')?.toString('hex');
  return capability(file) !== capability(path);
}

function isMountPlace(path: string, stats: Stats): boolean {
  const kind = mountPlaces[path];
  if (kind === 'file') return stats.isFile() && stats.size === 0;
  if (kind === 'directory') return stats.isDirectory();
  return kind === 'symlink' && stats.isSymbolicLink();
}

function isWhiteout(stats: Stats): boolean {
  return stats.isCharacterDevice() && stats.rdev === 0;
}

function isOpaque(directory: string): boolean {
  return xattr(directory, 'trusted.overlay.opaque')?.toString() === 'y';
}

function statOf(path: Buffer): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

/** Undefined if it is none any more. */
function openDirectory(path: Buffer): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}
