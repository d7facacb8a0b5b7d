// A log's files in order of age, numbered so that a reader knows where it is while files are renamed, compressed and deleted
// under it. A file that is dropped while a reader still has it before it stays open until that reader has passed it.
import { close, openSync } from 'node:fs';
import { Pulse } from '../../lib/pulse.ts';
import { ifThere, unlinkIfThere } from './file-io.ts';

export type Compression = 'none' | 'gzip' | 'zstd';

export interface SegmentFile {
  path: string;
  compression: Compression;
}

export interface OpenSegment {
  fd: number;
  compression: Compression;
}

export interface Position {
  /** The oldest segment this reader still needs. */
  number: number;
}

export class Segments {
  /** Beats when there may be something new to read, and when `growing` changes. */
  readonly pulse = new Pulse();
  /** Whether somebody may still append to the last segment. */
  growing = false;
  #files = new Map<number, SegmentFile>();
  #newest: number;
  #positions = new Set<Position>();
  #held = new Map<number, OpenSegment>();

  /** `finished` are the files that nobody appends to any more, by number; the file that grows has the number after them. */
  constructor(finished: ReadonlyMap<number, SegmentFile>, active: SegmentFile) {
    const numbers = [...finished.keys()].sort((a, b) => a - b);
    for (const number of numbers) this.#files.set(number, { ...finished.get(number)! });
    this.#newest = (numbers.at(-1) ?? 0) + 1;
    this.#files.set(this.#newest, { ...active });
  }

  get newest(): number {
    return this.#newest;
  }

  get oldest(): number {
    return this.#files.keys().next().value!;
  }

  /** All but the one that grows, oldest first. */
  get finished(): readonly number[] {
    return [...this.#files.keys()].filter(number => number !== this.#newest);
  }

  file(number: number): SegmentFile | undefined {
    return this.#files.get(number);
  }

  isFinal(number: number): boolean {
    return number < this.#newest;
  }

  /** The file that grew is finished; another one takes its place. */
  advance(active: SegmentFile): void {
    this.#newest++;
    this.#files.set(this.#newest, { ...active });
    this.pulse.beat();
  }

  /** The segment's content is now in this file. */
  replace(number: number, file: SegmentFile): void {
    if (this.#files.has(number)) this.#files.set(number, { ...file });
  }

  /** Deletes a segment's file; readers that have yet to come to it still get it. */
  drop(number: number): void {
    const file = this.#files.get(number);
    if (!file) return;
    // Kept open over its deletion: what takes long is giving back the space, which happens at the last close, in the background.
    const open = this.#openFile(file);
    this.#files.delete(number);
    unlinkIfThere(file.path);
    if (!open) return;
    this.#held.set(number, open);
    this.#release();
  }

  /** A reader that begins at the oldest segment there is. It must `leave`. */
  enter(): Position {
    const position = { number: this.oldest };
    this.#positions.add(position);
    return position;
  }

  /** The reader needs nothing before this segment any more. */
  pass(position: Position, number: number): void {
    position.number = number;
    this.#release();
  }

  leave(position: Position): void {
    this.#positions.delete(position);
    this.#release();
  }

  #release(): void {
    if (this.#held.size === 0) return;
    const needed = Math.min(...[...this.#positions].map(position => position.number));
    for (const [number, open] of this.#held) {
      if (number >= needed) continue;
      close(open.fd);
      this.#held.delete(number);
    }
  }

  /** The caller closes it. Undefined if it is not there (yet). */
  open(number: number): OpenSegment | undefined {
    const held = this.#held.get(number);
    if (held) return { fd: openSync(`/proc/self/fd/${held.fd}`, 'r'), compression: held.compression };
    const file = this.#files.get(number);
    return file && this.#openFile(file);
  }

  #openFile(file: SegmentFile): OpenSegment | undefined {
    // The container's first line makes the file.
    const fd = ifThere(() => openSync(file.path, 'r'));
    return fd === undefined ? undefined : { fd, compression: file.compression };
  }
}
