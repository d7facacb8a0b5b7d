// Moves a container's output from conmon's file into json-file's files while the container runs, and cuts away what was moved.
// Every step may be the last one before kill -9: output is written first, then the checkpoint, then what it made superfluous goes.
import { closeSync, existsSync, fstatSync, openSync, statSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { messageOf } from '../../../lib/errors.ts';
import { log } from '../../../lib/logger.ts';
import { ConmonFile } from '../conmon-file.ts';
import { readAt, unlinkIfThere } from '../file-io.ts';
import { type Checkpoint, CheckpointFile, type Progress } from './checkpoint.ts';
import { Conversion } from './conversion.ts';
import { type Destination, inodeOf } from './destination.ts';

const newline = 0x0a;
const usualBlock = 256 * 1024;
/** So much of conmon's file may be there twice before it is taken away from conmon. */
const cutAt = 16 * 1024 * 1024;
const retryMilliseconds = 1_000;

const nothingRead = Buffer.alloc(0);
const nothing: Progress = { inode: 0, bytes: 0 };

interface Source {
  fd: number;
  inode: number;
  offset: number;
  /** Taken away from conmon, or about to be. */
  old: boolean;
}

export class Converter {
  readonly #file: ConmonFile;
  readonly #old: string;
  readonly #checkpoint: CheckpointFile;
  readonly #conversion: Conversion;
  #saved: Checkpoint | undefined;
  #source: Source | undefined;
  #blockSize = usualBlock;
  #block: Buffer = nothingRead;
  /** While conmon runs and this object lives. */
  #attachment: AbortController | undefined;
  #cutting: Promise<void> | undefined;
  #pumping: Promise<void> | undefined;
  #pumpAgain = false;
  #retry: Timer | undefined;
  #troubled = false;
  #closed = false;

  constructor(
    path: string,
    checkpointPath: string,
    attributes: string,
    reopen: () => Promise<void>,
    private readonly destination: Destination,
  ) {
    this.#file = new ConmonFile(path, reopen);
    this.#old = `${path}.old`;
    this.#checkpoint = new CheckpointFile(checkpointPath);
    this.#saved = this.#checkpoint.load();
    this.#conversion = new Conversion(attributes, this.#saved?.pending ?? { 1: undefined, 2: undefined });
    // What was converted is gone, and its inode is free for conmon's next file, which nothing was read of.
    if (this.#saved && this.#saved.source.inode !== 0 && !existsSync(path) && !existsSync(this.#old)) {
      this.#save(nothing);
    }
  }

  attach(): void {
    if (this.#attachment) return;
    const attachment = new AbortController();
    this.#attachment = attachment;
    this.destination.segments.growing = true;
    const { pulse } = this.destination.segments;
    this.#file.watch(
      () => this.#start(),
      () => pulse.awaited,
    );
    this.#cut(() => this.#file.repair(attachment.signal));
    this.#start();
  }

  /** conmon is gone: what it left is converted to the end. */
  async detach(): Promise<void> {
    this.#release();
    await this.#cutting;
    await this.#finish();
    this.destination.segments.growing = false;
    this.destination.segments.pulse.beat();
  }

  async #finish(): Promise<void> {
    await this.#pump();
    if (this.#troubled || this.#closed) return;
    const { pending } = this.#conversion;
    try {
      if (pending[1] || pending[2]) {
        this.#openDestination(this.#saved?.source ?? nothing);
        this.#conversion.finish();
        await this.destination.append(this.#conversion.output);
        this.#save(this.#saved?.source ?? nothing);
      }
      this.#dropSource();
      if (!existsSync(this.#file.path)) return;
      unlinkIfThere(this.#file.path);
      this.#save(nothing);
    } catch (error) {
      this.#conversion.pending = pending;
      this.#failed(error);
    }
  }

  /** Resolves when what conmon has written up to now is converted, as far as that is possible. */
  async settle(): Promise<void> {
    const { pulse } = this.destination.segments;
    const target = statSync(this.#file.path, { throwIfNoEntry: false });
    this.#start();
    for (;;) {
      const seen = pulse.count;
      if (!this.#pumping || this.#closed) return;
      if (target && this.#source?.inode === target.ino && this.#source.offset >= target.size) return;
      await Promise.race([pulse.after(seen), this.#pumping]);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#release();
    clearTimeout(this.#retry);
    await this.#cutting;
    await this.#pumping;
    this.#dropSource();
    this.#checkpoint.close();
    this.destination.segments.growing = false;
    this.destination.segments.pulse.beat();
  }

  #release(): void {
    this.#attachment?.abort();
    this.#attachment = undefined;
    this.#file.unwatch();
  }

  #start(): void {
    void this.#pump();
  }

  /** Converts until nothing is left. Only one runs at a time; it looks again if it was called meanwhile. */
  #pump(): Promise<void> {
    this.#pumpAgain = true;
    this.#pumping ??= this.#pumpAll();
    return this.#pumping;
  }

  async #pumpAll(): Promise<void> {
    // Lets #pumping be set first.
    await undefined;
    try {
      while (this.#pumpAgain && !this.#closed) {
        this.#pumpAgain = false;
        // Files can be read and written at once, again and again: others must have their turn.
        while (!this.#closed && (await this.#step())) await setImmediate();
      }
      this.#troubled = false;
    } catch (error) {
      this.#failed(error);
    } finally {
      // In the same turn as the last look at pumpAgain, so that no call falls between.
      this.#pumping = undefined;
    }
  }

  #failed(error: unknown): void {
    if (!this.#troubled)
      log.error('the log could not be converted', { file: this.#file.path, error: messageOf(error) });
    this.#troubled = true;
    // conmon keeps the output meanwhile.
    if (this.#closed || !this.#attachment) return;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#start(), retryMilliseconds);
  }

  /** Converts a block. Returns false when there is nothing more now. */
  async #step(): Promise<boolean> {
    const source = this.#openSource();
    if (!source) return false;
    // Asked before the read: then an empty read means that the old file is done.
    const final = source.old && (this.#attachment === undefined || existsSync(this.#file.path)) && !this.#cutting;
    const available = Math.min(this.#blockSize, fstatSync(source.fd).size - source.offset);
    if (this.#block.length < available) this.#block = Buffer.allocUnsafeSlow(available);
    const block = this.#block.subarray(0, Math.max(0, available));
    const count = available > 0 ? await readAt(source.fd, block, 0, available, source.offset) : 0;
    if (count < available || block.indexOf(newline) < 0) {
      if (available === this.#blockSize) {
        // A line longer than the block: not one of conmon's.
        this.#blockSize *= 2;
        return true;
      }
      this.#conversion.rest();
      this.#block = nothingRead;
      if (final) this.#passOld(source);
      return final;
    }
    this.#blockSize = usualBlock;
    await this.#convert(source, block);
    if (!source.old && source.offset >= cutAt && this.#attachment && !this.#cutting) {
      const { signal } = this.#attachment;
      this.#file.take(this.#old);
      source.old = true;
      this.#cut(() => this.#file.renew(signal));
    }
    return true;
  }

  async #convert(source: Source, block: Buffer): Promise<void> {
    const { destination } = this;
    const base = source.offset;
    for (let at = 0; !this.#closed; ) {
      if (destination.room <= 0) {
        await destination.rotate();
        // Before the new file has anything: or a part of it that no checkpoint knows of would count as done.
        this.#save({ inode: source.inode, bytes: base + at });
      }
      const { pending } = this.#conversion;
      const stop = this.#conversion.convert(block, at, destination.room);
      if (stop === at) return;
      try {
        await destination.append(this.#conversion.output);
      } catch (error) {
        this.#conversion.pending = pending;
        throw error;
      }
      this.#save({ inode: source.inode, bytes: base + stop });
      source.offset = base + stop;
      at = stop;
      destination.segments.pulse.beat();
    }
  }

  #openSource(): Source | undefined {
    if (this.#source) return this.#source;
    const saved = this.#saved?.source;
    let old = existsSync(this.#old);
    if (old && saved && saved.inode !== 0 && inodeOf(this.#file.path) === saved.inode) {
      unlinkIfThere(this.#old);
      old = false;
    }
    if (!old && !existsSync(this.#file.path)) return undefined;
    const fd = openSync(old ? this.#old : this.#file.path, 'r');
    const inode = fstatSync(fd).ino;
    this.#source = { fd, inode, offset: saved?.inode === inode ? saved.bytes : 0, old };
    this.#openDestination(saved ?? nothing);
    return this.#source;
  }

  #openDestination(source: Progress): void {
    const { destination } = this;
    destination.open(this.#saved?.destination);
    if (this.#saved?.destination.inode !== destination.progress.inode) this.#save(source);
  }

  /** The old file is converted to its end; conmon's present one is next. */
  #passOld(source: Source): void {
    const next = inodeOf(this.#file.path) ?? 0;
    this.#save({ inode: next, bytes: 0 });
    closeSync(source.fd);
    this.#source = undefined;
    unlinkIfThere(this.#old);
  }

  #dropSource(): void {
    if (this.#source) closeSync(this.#source.fd);
    this.#source = undefined;
  }

  #cut(work: () => Promise<void>): void {
    const { signal } = this.#attachment!;
    this.#cutting = work()
      .catch(error => {
        if (!signal.aborted) log.warn('conmon did not take a new log file', { file: this.#file.path, error });
      })
      .finally(() => {
        this.#cutting = undefined;
        if (!this.#closed) this.#start();
      });
  }

  #save(source: Progress): void {
    const { progress } = this.destination;
    const destination = progress.inode === 0 && this.#saved ? this.#saved.destination : progress;
    this.#saved = { source, destination, pending: this.#conversion.pending };
    this.#checkpoint.save(this.#saved);
  }
}
