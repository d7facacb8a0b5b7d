// Reads a log, whatever its driver: finds where to begin, goes through the files in order, and follows the last one as it grows.
import { closeSync, fstatSync } from 'node:fs';
import type { Readable } from 'node:stream';
import type { Output } from '../output.ts';
import { openDecompressed } from './compression.ts';
import { readAt } from './file-io.ts';
import { type TailStart, tailStart } from './find-tail.ts';
import { findTime } from './find-time.ts';
import type { LogQuery } from './log-driver.ts';
import type { LogFormat } from './log-format.ts';
import { RecordSink } from './record-sink.ts';
import { recordTime } from './record-time.ts';
import type { OpenSegment, Position, Segments } from './segments.ts';

const blockSize = 256 * 1024;

export interface ReadableLog {
  segments: Segments;
  format: LogFormat;
  /** What `details` puts before each line. */
  details: string;
}

export async function* readLog(log: ReadableLog, query: LogQuery): Output {
  const { segments } = log;
  const position = segments.enter();
  try {
    yield* new LogReader(log, query, position).run();
  } finally {
    segments.leave(position);
  }
}

class LogReader {
  readonly #segments: Segments;
  readonly #format: LogFormat;
  readonly #sink: RecordSink;

  constructor(
    log: ReadableLog,
    private readonly query: LogQuery,
    private readonly position: Position,
  ) {
    this.#segments = log.segments;
    this.#format = log.format;
    this.#sink = new RecordSink(query, log.details);
  }

  async *run(): Output {
    const { signal } = this.query;
    // Without following, what comes after this moment is not part of the answer: or a busy log would never end.
    const last = this.#segments.newest;
    const lastSize = this.query.follow ? Number.POSITIVE_INFINITY : this.#sizeOf(last);
    let start = await this.#start(last, lastSize);
    for (const record of start.beginnings ?? []) this.#format.extract(record, 0, this.#sink);
    for (let number = start.segment; !signal.aborted && !this.#sink.done; number++) {
      this.#segments.pass(this.position, number);
      if (!this.query.follow && number > last) return;
      const open = await this.#opened(number);
      if (!open) {
        if (this.#segments.isFinal(number)) continue;
        return;
      }
      if (open.compression === 'none') {
        yield* this.#readFile(number, open.fd, start.offset, number === last ? lastSize : Number.POSITIVE_INFINITY);
      } else {
        this.#sink.skipLines = start.skipLines;
        yield* this.#readStream(openDecompressed(open));
      }
      start = { segment: number + 1, offset: 0, skipLines: 0 };
    }
  }

  #sizeOf(number: number): number {
    const open = this.#segments.open(number);
    if (!open) return 0;
    try {
      return fstatSync(open.fd).size;
    } finally {
      closeSync(open.fd);
    }
  }

  async #start(last: number, lastSize: number): Promise<TailStart> {
    const { tail, since, signal } = this.query;
    const { oldest } = this.#segments;
    if (tail !== undefined) return await tailStart(this.#segments, this.#format, tail, last, lastSize, signal);
    if (since !== undefined) return await findTime(this.#segments, this.#format, recordTime(since), last);
    return { segment: oldest, offset: 0, skipLines: 0 };
  }

  /** Waits for a file that is about to come if this reader follows. */
  async #opened(number: number): Promise<OpenSegment | undefined> {
    const { pulse } = this.#segments;
    for (;;) {
      const seen = pulse.count;
      const mayCome = this.query.follow && this.#segments.growing && !this.#segments.isFinal(number);
      const open = this.#segments.open(number);
      if (open || !mayCome || this.#expired()) return open;
      await this.#wait(seen);
    }
  }

  async *#readFile(number: number, fd: number, offset: number, size: number): Output {
    const { signal } = this.query;
    const { pulse } = this.#segments;
    let block = Buffer.allocUnsafeSlow(blockSize);
    let filled = 0;
    try {
      while (!signal.aborted) {
        // Both are asked before the read: then an empty read means what they say.
        const seen = pulse.count;
        const ended = this.#segments.isFinal(number) || !this.query.follow || !this.#segments.growing;
        const wanted = Math.min(block.length - filled, size - offset);
        const count = wanted > 0 ? await readAt(fd, block, filled, wanted, offset) : 0;
        if (count === 0) {
          if (ended || this.#expired()) return;
          await this.#wait(seen);
          continue;
        }
        offset += count;
        filled += count;
        const whole = block.subarray(0, filled);
        this.#sink.expect(filled);
        const consumed = this.#format.extract(whole, 0, this.#sink);
        const batch = this.#sink.take();
        if (consumed === 0 && filled === block.length) {
          block = Buffer.concat([block, Buffer.allocUnsafeSlow(block.length)]);
        } else {
          block.copyWithin(0, consumed, filled);
          filled -= consumed;
        }
        if (batch.length > 0) yield batch;
        if (this.#sink.done) return;
      }
    } finally {
      closeSync(fd);
    }
  }

  async *#readStream(stream: Readable): Output {
    const { signal } = this.query;
    let rest: Buffer = Buffer.alloc(0);
    try {
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        if (signal.aborted) return;
        const block: Buffer = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
        this.#sink.expect(block.length);
        const consumed = this.#format.extract(block, 0, this.#sink);
        rest = block.subarray(consumed);
        const batch = this.#sink.take();
        if (batch.length > 0) yield batch;
        if (this.#sink.done) return;
      }
    } finally {
      stream.destroy();
    }
  }

  #untilMilliseconds(): number | undefined {
    if (this.query.until === undefined) return undefined;
    const { seconds, nanoseconds } = recordTime(this.query.until);
    return seconds * 1000 + nanoseconds / 1e6 - Date.now();
  }

  /** Whether the query's `until` is over: nothing that is written from now on is wanted. */
  #expired(): boolean {
    const left = this.#untilMilliseconds();
    return left !== undefined && left <= 0;
  }

  async #wait(seen: number): Promise<void> {
    const left = this.#untilMilliseconds();
    // Timers have their longest span; whoever is woken early waits again.
    await this.#segments.pulse.after(seen, this.query.signal, left && Math.min(left + 1, 2 ** 31 - 1));
  }
}
