// Moves a container's output from conmon's file into json-file's files while the container runs, and cuts away what was moved.
// Every step may be the last one before kill -9: output is written first, then the checkpoint, then what it made superfluous goes.
import { close, existsSync, fstatSync, openSync, type Stats, statSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { messageOf } from '../../../lib/errors.ts';
import { log } from '../../../lib/logger.ts';
import { ConmonFile } from '../conmon-file.ts';
import { readAt, unlinkIfThere } from '../file-io.ts';
import { type Checkpoint, CheckpointFile, type Progress } from './checkpoint.ts';
import { Conversion } from './conversion.ts';
import { type Destination, inodeOf } from './destination.ts';
import type { Pace } from './pace.ts';

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
  #loaded = false;
  #saved: Checkpoint | undefined;
  #source: Source | undefined;
  #blockSize = usualBlock;
  #block: Buffer = nothingRead;
  /** While conmon runs and this object lives. */
  #attachment: AbortController | undefined;
  #cutting: Promise<void> | undefined;
  #pumping: Promise<void> | undefined;
  #pumpAgain = false;
  /** How many bytes of conmon's are to be converted now. */
  #wanted = 0;
  /** By this object. */
  #converted = 0;
  #ending: Promise<void> | undefined;
  #readers = 0;
  #retry: Timer | undefined;
  #troubled = false;
  #closed = false;

  constructor(
    path: string,
    checkpointPath: string,
    attributes: string,
    reopen: () => Promise<void>,
    private readonly destination: Destination,
    private readonly pace: Pace,
  ) {
    this.#file = new ConmonFile(path, reopen);
    this.#old = `${path}.old`;
    this.#checkpoint = new CheckpointFile(checkpointPath);
    this.#conversion = new Conversion(attributes, { 1: undefined, 2: undefined });
  }

  /** Where an earlier daemon, or an earlier run of the container, got to. Most containers that exist never come to this. */
  #load(): void {
    if (this.#loaded) return;
    this.#loaded = true;
    this.#saved = this.#checkpoint.load();
    if (!this.#saved) return;
    this.#conversion.pending = this.#saved.pending;
    // What was converted is gone, and its inode is free for conmon's next file, which nothing was read of.
    if (this.#saved.source.inode !== 0 && !existsSync(this.#file.path) && !existsSync(this.#old)) this.#save(nothing);
  }

  /** To be awaited before conmon opens its file: what an earlier run left there is being converted, and then the file is deleted. */
  async prepare(): Promise<void> {
    await this.#ending;
    this.#load();
  }

  attach(): void {
    if (this.#attachment) return;
    const attachment = new AbortController();
    this.#attachment = attachment;
    this.#ending = undefined;
    this.#load();
    this.destination.segments.growing = true;
    const { pulse } = this.destination.segments;
    this.#file.watch(
      () => this.#look(),
      () => pulse.awaited,
    );
    this.#cut(async () => {
      // The runtime starts the process meanwhile: making a file takes longer than all the rest here.
      await setImmediate();
      this.#createDestination();
      await this.#file.repair(attachment.signal);
    });
  }

  /** Those who watch the log find it before there is a line. */
  #createDestination(): void {
    if (!this.#attachment || this.#closed) return;
    try {
      this.destination.open(this.#saved?.destination);
    } catch (error) {
      this.#failed(error);
    }
  }

  /** At conmon's file. Returns whether what came is still to be converted. */
  #look(): boolean {
    // The retry's turn.
    if (this.#troubled) return false;
    const waiting = this.#waiting();
    const due = this.pace.isDue(this.#converted + waiting, waiting);
    if (due || this.destination.segments.pulse.awaited) this.#start();
    return waiting > 0;
  }

  /** How much conmon wrote that is not converted. */
  #waiting(): number {
    const done = this.#source ? { inode: this.#source.inode, bytes: this.#source.offset } : this.#saved?.source;
    const left = (stats: Stats | undefined) => (stats ? stats.size - (stats.ino === done?.inode ? done.bytes : 0) : 0);
    const old = this.#source?.old === false ? undefined : statSync(this.#old, { throwIfNoEntry: false });
    return left(old) + left(statSync(this.#file.path, { throwIfNoEntry: false }));
  }

  /**
   * conmon is gone: what it left is converted to the end, in the background unless somebody reads it. `discard` means that it
   * will be deleted: then it is converted only for those who read it.
   */
  async detach({ discard }: { discard: boolean }): Promise<void> {
    this.#release();
    if (discard && this.#readers === 0) return;
    if (!this.#loaded && !this.#file.exists() && !existsSync(this.#old)) return;
    this.#ending ??= this.#end();
    if (this.#readers > 0) await this.#ending;
  }

  async #end(): Promise<void> {
    await this.#cutting;
    try {
      this.#load();
      await this.#finish();
    } catch (error) {
      this.#failed(error);
    }
    // Whoever asks next tries again.
    if (this.#troubled) this.#ending = undefined;
    this.#dropSource();
    this.#checkpoint.close();
    this.destination.rest();
    this.destination.segments.growing = false;
    this.destination.segments.pulse.beat();
  }

  /** To be held by who reads the log: it gets all that there is. */
  reader(): Disposable {
    this.#readers++;
    return {
      [Symbol.dispose]: () => {
        this.#readers--;
      },
    };
  }

  async #finish(): Promise<void> {
    await this.#pump(Number.POSITIVE_INFINITY);
    const { pending } = this.#conversion;
    if (this.#troubled || this.#closed) return;
    try {
      if (pending[1] || pending[2]) {
        this.#openDestination(this.#saved?.source ?? nothing);
        this.#conversion.finish();
        await this.destination.append(this.#conversion.output);
        this.#save(this.#saved?.source ?? nothing);
      }
      if (!existsSync(this.#file.path)) return;
      unlinkIfThere(this.#file.path);
      if (this.#saved) this.#save(nothing);
    } catch (error) {
      this.#conversion.pending = pending;
      throw error;
    }
  }

  /** Resolves when what conmon has written up to now is converted, as far as that is possible. */
  async settle(): Promise<void> {
    await this.#ending;
    this.#load();
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
    await this.#cutting;
    await this.#pumping;
    await this.#ending;
    this.#dropSource();
    this.#checkpoint.close();
    this.destination.segments.growing = false;
    this.destination.segments.pulse.beat();
  }

  #release(): void {
    this.#attachment?.abort();
    this.#attachment = undefined;
    this.#file.unwatch();
    clearTimeout(this.#retry);
  }

  /** Converts what is there now. */
  #start(): void {
    void this.#pump(this.#waiting());
  }

  /** Converts so much, until nothing is left. Only one runs at a time; it looks again if it was called meanwhile. */
  #pump(wanted: number): Promise<void> {
    this.#pumpAgain = true;
    this.#wanted = Math.max(this.#wanted, wanted);
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
        while (!this.#closed && (await this.#step()) && this.#wanted > 0) await setImmediate();
      }
      this.#troubled = false;
    } catch (error) {
      this.#failed(error);
    } finally {
      // In the same turn as the last look at pumpAgain, so that no call falls between.
      this.#pumping = undefined;
      this.#wanted = 0;
      this.#conversion.rest();
      this.#block = nothingRead;
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
      if (final) this.#passOld();
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
      this.#converted += stop - at;
      this.#wanted -= stop - at;
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
    // Empty is how it begins, and how it ends for a container that says nothing.
    if (!old && !statSync(this.#file.path, { throwIfNoEntry: false })?.size) return undefined;
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
  #passOld(): void {
    const next = inodeOf(this.#file.path) ?? 0;
    this.#save({ inode: next, bytes: 0 });
    unlinkIfThere(this.#old);
    this.#dropSource();
  }

  /** What takes long is giving back the space of a deleted file, which happens at its last close: in the background. */
  #dropSource(): void {
    if (this.#source) close(this.#source.fd);
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
        if (!signal.aborted) this.#start();
      });
  }

  #save(source: Progress): void {
    const { progress } = this.destination;
    const destination = progress.inode === 0 && this.#saved ? this.#saved.destination : progress;
    this.#saved = { source, destination, pending: this.#conversion.pending };
    this.#checkpoint.save(this.#saved);
  }
}
