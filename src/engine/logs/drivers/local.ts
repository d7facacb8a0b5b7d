// The driver that costs nothing: conmon's own files are the log. Here they are only rotated: "container.log" grows, and
// "container.log.<n>[.zst]" are what it was before, numbered from the oldest on and never renamed again.
import { statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { errnoOf, invalid } from '../../../lib/errors.ts';
import { log } from '../../../lib/logger.ts';
import type { Output } from '../../output.ts';
import { detailsText, logAttributes, validateAttributes } from '../attributes.ts';
import { compressFile } from '../compression.ts';
import { ConmonFile } from '../conmon-file.ts';
import { conmonFormat } from '../conmon-format.ts';
import { sortedEntries, unlinkIfThere } from '../file-io.ts';
import type { ContainerLog, LogContext, LogDriver, LogQuery } from '../log-driver.ts';
import { readLog } from '../log-reader.ts';
import { attributeOptions, type LogOptions, parseBoolean, parseCount, parseSize, rejectUnknown } from '../options.ts';
import { type SegmentFile, Segments } from '../segments.ts';

/** A log that fills one file after the other faster than this is about to delete them: compressing would only hold it up. */
const usualCompressAfter = 5_000;

interface Limits {
  maxSize: number;
  maxFiles: number;
  compress: boolean;
}

function limits(options: LogOptions): Limits {
  const { 'max-size': size, 'max-file': files, compress } = options;
  const result = {
    maxSize: size === undefined ? 20 * 1024 * 1024 : parseSize(size),
    maxFiles: files === undefined ? 5 : parseCount(files),
    compress: compress === undefined ? true : parseBoolean(compress),
  };
  if (result.maxFiles < 0) throw invalid('max-file must not be negative');
  if (result.compress && result.maxFiles <= 1) {
    throw invalid('compression cannot be enabled when max file count is 1');
  }
  return result;
}

export const localDriver: LogDriver = {
  name: 'local',
  validate(options) {
    rejectUnknown(options, ['max-size', 'max-file', 'compress', ...attributeOptions], 'log driver local');
    limits(options);
    validateAttributes(options);
  },
  open: context => new LocalLog(context),
};

class LocalLog implements ContainerLog {
  readonly conmonTarget: string;
  readonly path = '';
  readonly #limits: Limits;
  readonly #details: string;
  readonly #compressAfter: number;
  readonly #file: ConmonFile;
  readonly #segments: Segments;
  /** While conmon runs and this object lives: ends whatever waits for conmon. */
  #attachment: AbortController | undefined;
  #repairing: Promise<void> | undefined;
  /** One thing at a time is done to the files' names. */
  #tending: Promise<void> | undefined;
  readonly #closing = new AbortController();
  #compressing: Promise<void> | undefined;
  #compressTimer: Timer | undefined;

  constructor(context: LogContext) {
    this.#limits = limits(context.options);
    this.#details = detailsText(logAttributes(context));
    this.#compressAfter = context.compressAfterMilliseconds ?? usualCompressAfter;
    const path = join(context.directory, 'container.log');
    this.conmonTarget = `k8s-file:${path}`;
    this.#file = new ConmonFile(path, context.reopen);
    this.#segments = new Segments(finishedFiles(context.directory, basename(path)), { path, compression: 'none' });
  }

  async prepare(): Promise<void> {}

  attach(): void {
    if (this.#attachment) return;
    const attachment = new AbortController();
    this.#attachment = attachment;
    // The last rotation may have been cut short by the container's end.
    const { path } = this.#file;
    if (this.#segments.file(this.#segments.newest)?.path !== path)
      this.#segments.advance({ path, compression: 'none' });
    this.#segments.growing = true;
    const { pulse } = this.#segments;
    this.#file.watch(
      changed => {
        if (changed) this.#changed();
        return false;
      },
      () => pulse.awaited,
    );
    this.#repairing = this.#tend(() => this.#file.repair(attachment.signal));
  }

  #changed(): void {
    this.#segments.pulse.beat();
    if (!this.#tending && this.#isFull()) this.#tend(signal => this.#rotate(signal));
  }

  #tend(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { signal } = this.#attachment!;
    this.#tending = work(signal)
      .then(
        () => true,
        error => {
          if (!signal.aborted) log.warn('the log could not be rotated', { file: this.#file.path, error });
          return false;
        },
      )
      .then(done => {
        this.#tending = undefined;
        if (!done || signal.aborted) return;
        this.#tidy();
        this.#changed();
      });
    return this.#tending;
  }

  #isFull(): boolean {
    if (!this.#attachment) return false;
    const stats = statSync(this.#file.path, { throwIfNoEntry: false });
    return stats !== undefined && stats.size > 0 && stats.size >= this.#limits.maxSize;
  }

  async #rotate(signal: AbortSignal): Promise<void> {
    const number = this.#segments.newest;
    const { path } = this.#file;
    const rotated = `${path}.${number}`;
    this.#file.take(rotated);
    this.#segments.replace(number, { path: rotated, compression: 'none' });
    await this.#file.renew(signal);
    this.#segments.advance({ path, compression: 'none' });
  }

  /** Deletes what is too old and sees to it that what is finished is compressed. */
  #tidy(): void {
    const { finished } = this.#segments;
    const excess = finished.length - Math.max(0, this.#limits.maxFiles - 1);
    for (const number of finished.slice(0, Math.max(0, excess))) this.#segments.drop(number);
    if (!this.#limits.compress || this.#closing.signal.aborted) return;
    clearTimeout(this.#compressTimer);
    this.#compressTimer = setTimeout(() => this.#compress(), this.#compressAfter);
  }

  #compress(): void {
    this.#compressing ??= this.#compressFinished().finally(() => {
      this.#compressing = undefined;
    });
  }

  async #compressFinished(): Promise<void> {
    const { signal } = this.#closing;
    for (const number of this.#segments.finished) {
      const source = this.#segments.file(number);
      if (source?.compression !== 'none' || signal.aborted) continue;
      const path = `${source.path}.zst`;
      try {
        await compressFile(source.path, path, 'zstd', signal);
        this.#segments.replace(number, { path, compression: 'zstd' });
        unlinkIfThere(source.path);
        // It may have become too old meanwhile.
        if (!this.#segments.file(number)) unlinkIfThere(path);
      } catch (error) {
        if (signal.aborted || errnoOf(error) === 'ENOENT') continue;
        log.warn('a log file stays uncompressed', { file: source.path, error });
      }
    }
  }

  async detach(): Promise<void> {
    this.#release();
  }

  #release(): void {
    this.#attachment?.abort();
    this.#attachment = undefined;
    this.#file.unwatch();
    this.#segments.growing = false;
    this.#segments.pulse.beat();
  }

  async *read(query: LogQuery): Output {
    await this.#repairing;
    yield* readLog({ segments: this.#segments, format: conmonFormat, details: this.#details }, query);
  }

  async close(): Promise<void> {
    this.#release();
    this.#closing.abort();
    clearTimeout(this.#compressTimer);
    await this.#tending;
    await this.#compressing;
  }
}

/** What earlier daemons left, by number. */
function finishedFiles(directory: string, name: string): Map<number, SegmentFile> {
  const files = new Map<number, SegmentFile>();
  for (const entry of sortedEntries(directory)) {
    if (!entry.startsWith(`${name}.`)) continue;
    const match = /^(\d+)(\.zst)?$/.exec(entry.slice(name.length + 1));
    const path = join(directory, entry);
    if (!match) {
      // Half compressed when a daemon died.
      if (entry.endsWith('.zst.tmp')) unlinkIfThere(path);
      continue;
    }
    const number = Number(match[1]);
    const compressed = match[2] !== undefined;
    const raw = files.get(number);
    // Sorted, the plain file comes first: a compressed one beside it is whole, only the deletion is missing.
    if (compressed && raw) unlinkIfThere(raw.path);
    files.set(number, { path, compression: compressed ? 'zstd' : 'none' });
  }
  return files;
}
