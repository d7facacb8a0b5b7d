// The files that log shippers read: "<id>-json.log" grows, "<id>-json.log.1[.gz]" is what it was before, .2 before that: Docker's names.
import { closeSync, constants, fstatSync, openSync, renameSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { log } from '../../../lib/logger.ts';
import { compressFile } from '../compression.ts';
import { sortedEntries, unlinkIfThere, writeAt } from '../file-io.ts';
import { type SegmentFile, Segments } from '../segments.ts';
import type { Progress } from './checkpoint.ts';

export interface FileLimits {
  /** Infinity: the file is never rotated. */
  maxSize: number;
  maxFiles: number;
  compress: boolean;
}

export class Destination {
  #segments: Segments | undefined;
  #fd = -1;
  #inode = 0;
  #length = 0;
  #compressing: Promise<void> | undefined;
  readonly #closing = new AbortController();

  constructor(
    readonly path: string,
    private readonly limits: FileLimits,
  ) {}

  /** Looked for when they are first needed: most containers that exist don't run and aren't read. */
  get segments(): Segments {
    this.#segments ??= new Segments(rotatedFiles(this.path), { path: this.path, compression: 'none' });
    return this.#segments;
  }

  get progress(): Progress {
    return { inode: this.#inode, bytes: this.#length };
  }

  /** How much more the file may take before it is full; the record that fills it may go beyond. */
  get room(): number {
    return this.limits.maxSize - this.#length;
  }

  /**
   * `saved` is how far the file was known to be written. What a killed daemon wrote after that is written again, over itself: the
   * file never shrinks under those who read it.
   */
  open(saved: Progress | undefined): void {
    if (this.#fd >= 0) return;
    this.#fd = openSync(this.path, constants.O_RDWR | constants.O_CREAT, 0o640);
    const { ino, size } = fstatSync(this.#fd);
    this.#inode = ino;
    this.#length = saved?.inode === ino ? Math.min(saved.bytes, size) : size;
  }

  async append(data: Buffer): Promise<void> {
    // Somebody emptied the file by hand, as people do.
    this.#length = Math.min(this.#length, fstatSync(this.#fd).size);
    await writeAt(this.#fd, data, this.#length);
    this.#length += data.length;
  }

  /** The file is full: everything moves on by one name. May be repeated after it was cut short at any point. */
  async rotate(): Promise<void> {
    await this.#compressing;
    const { segments, path, limits } = this;
    // From the oldest on, each to the next free name: none is ever renamed over another.
    const finished = segments.finished;
    for (const [index, number] of finished.entries()) {
      const file = segments.file(number)!;
      const place = Math.max(placeOf(path, file.path), finished.length - index + 1);
      if (place > limits.maxFiles - 1) {
        segments.drop(number);
        continue;
      }
      const target = `${path}.${place}${file.compression === 'gzip' ? '.gz' : ''}`;
      if (target !== file.path) renameSync(file.path, target);
      segments.replace(number, { path: target, compression: file.compression });
    }
    const number = segments.newest;
    renameSync(path, `${path}.1`);
    segments.replace(number, { path: `${path}.1`, compression: 'none' });
    this.rest();
    this.open(undefined);
    segments.advance({ path, compression: 'none' });
    if (limits.maxFiles <= 1) segments.drop(number);
    else if (limits.compress) this.#compress(number);
  }

  #compress(number: number): void {
    const { signal } = this.#closing;
    const { path } = this.segments.file(number)!;
    this.#compressing = compressFile(path, `${path}.gz`, 'gzip', signal)
      .then(
        () => {
          this.segments.replace(number, { path: `${path}.gz`, compression: 'gzip' });
          unlinkIfThere(path);
        },
        error => {
          if (!signal.aborted) log.warn('a log file stays uncompressed', { file: path, error });
        },
      )
      .finally(() => {
        this.#compressing = undefined;
      });
  }

  /** Nothing comes for a while: it needs `open` again. */
  rest(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#compressing;
    this.rest();
  }
}

function placeOf(path: string, rotated: string): number {
  return Number.parseInt(rotated.slice(path.length + 1), 10);
}

/** What earlier daemons left. Its numbers only have to be in order: the highest place is the oldest. */
function rotatedFiles(path: string): Map<number, SegmentFile> {
  const byPlace = new Map<number, SegmentFile>();
  const prefix = `${basename(path)}.`;
  for (const entry of sortedEntries(dirname(path))) {
    if (!entry.startsWith(prefix)) continue;
    const file = join(dirname(path), entry);
    const match = /^(\d+)(\.gz)?$/.exec(entry.slice(prefix.length));
    if (!match) {
      // Half compressed when a daemon died.
      if (entry.endsWith('.gz.tmp')) unlinkIfThere(file);
      continue;
    }
    const place = Number(match[1]);
    const raw = byPlace.get(place);
    // Sorted, the plain file comes first: a compressed one beside it is whole, only the deletion is missing.
    if (match[2] && raw) unlinkIfThere(raw.path);
    byPlace.set(place, { path: file, compression: match[2] ? 'gzip' : 'none' });
  }
  const places = [...byPlace.keys()].sort((a, b) => b - a);
  return new Map(places.map((place, index) => [index + 1, byPlace.get(place)!]));
}

export function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}
