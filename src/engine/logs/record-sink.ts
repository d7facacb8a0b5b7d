// What a reader takes out of records: the streams, the time span and the prefixes that were asked for, gathered into batches.
import type { OutputChunk, StdStream } from '../output.ts';
import type { LogQuery } from './log-driver.ts';
import { fixedTime, isBefore, parseTime, type RecordTime, recordTime } from './record-time.ts';

const minimalBuffer = 64 * 1024;
/** Up to here a loop in JavaScript is faster than a native copy. */
const shortCopy = 48;

export class RecordSink {
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** True if every record of a wanted stream is wanted, as it is: formats have a faster way for that. */
  readonly plain: boolean;
  /** A record later than `until` was met: nothing that follows is wanted. */
  done = false;
  /** Lines still to be passed over, for a tail that begins somewhere in a compressed file. */
  skipLines = 0;

  readonly #since: RecordTime | undefined;
  readonly #until: RecordTime | undefined;
  readonly #timestamps: boolean;
  readonly #details: Buffer | undefined;
  readonly #time: RecordTime = { seconds: 0, nanoseconds: 0 };
  readonly #midLine: [boolean, boolean, boolean] = [false, false, false];

  #chunks: OutputChunk[] = [];
  #buffer: Buffer = Buffer.alloc(0);
  #at = 0;
  #runStart = 0;
  #runStream: StdStream = 1;

  constructor(query: LogQuery, details: string) {
    this.stdout = query.stdout;
    this.stderr = query.stderr;
    this.#since = query.since === undefined ? undefined : recordTime(query.since);
    this.#until = query.until === undefined ? undefined : recordTime(query.until);
    this.#timestamps = query.timestamps;
    this.#details = query.details ? Buffer.from(`${details} `) : undefined;
    this.plain = !this.#since && !this.#until && !this.#timestamps && !this.#details;
  }

  /**
   * Asks for a record before its content is put: false if it is not wanted. `time` is where its RFC 3339 text begins;
   * `ends` says whether a line ends with this record. Writes the prefixes if a line begins with it.
   */
  begin(stream: StdStream, ends: boolean, block: Buffer, time: number): boolean {
    const continues = this.#midLine[stream];
    this.#midLine[stream] = !ends;
    if (this.skipLines > 0) {
      if (ends) this.skipLines--;
      return false;
    }
    if (stream === 1 ? !this.stdout : !this.stderr) return false;
    if (this.plain) return true;
    const known = parseTime(block, time, this.#time);
    if (known && this.#since && isBefore(this.#time, this.#since)) return false;
    if (known && this.#until && isBefore(this.#until, this.#time)) {
      this.done = true;
      return false;
    }
    if (continues) return true;
    if (this.#timestamps && known) this.#prefixTime(stream, block, time);
    if (this.#details) this.put(stream, this.#details, 0, this.#details.length);
    return true;
  }

  #prefixTime(stream: StdStream, block: Buffer, time: number): void {
    this.#reserve(stream, 31);
    const at = this.#at;
    // conmon's own form in UTC, "2026-01-02T03:04:05.123456789+00:00", is one character away from what is wanted.
    if (
      block[time + 29] === 0x2b &&
      block[time + 31] === 0x30 &&
      block[time + 30] === 0x30 &&
      block[time + 33] === 0x30
    ) {
      for (let index = 0; index < 29; index++) this.#buffer[at + index] = block[time + index]!;
      this.#buffer[at + 29] = 0x5a;
    } else {
      this.#buffer.write(fixedTime(this.#time), at, 'latin1');
    }
    this.#buffer[at + 30] = 0x20;
    this.#at = at + 31;
  }

  /** Copies content of the record that was begun. */
  put(stream: StdStream, from: Buffer, start: number, end: number): void {
    const length = end - start;
    this.#reserve(stream, length);
    const buffer = this.#buffer;
    let at = this.#at;
    if (length <= shortCopy) {
      for (let index = start; index < end; index++) buffer[at++] = from[index]!;
    } else {
      from.copy(buffer, at, start, end);
    }
    this.#at += length;
  }

  putByte(stream: StdStream, byte: number): void {
    this.#reserve(stream, 1);
    this.#buffer[this.#at++] = byte;
  }

  #reserve(stream: StdStream, length: number): void {
    if (stream !== this.#runStream) {
      this.#endRun();
      this.#runStream = stream;
    }
    if (this.#at + length > this.#buffer.length) this.#grow(length);
  }

  #endRun(): void {
    if (this.#at > this.#runStart) {
      this.#chunks.push({ stream: this.#runStream, data: this.#buffer.subarray(this.#runStart, this.#at) });
    }
    this.#runStart = this.#at;
  }

  #grow(length: number): void {
    this.#endRun();
    this.#buffer = Buffer.allocUnsafeSlow(Math.max(minimalBuffer, length));
    this.#at = 0;
    this.#runStart = 0;
  }

  /** Makes room for a block's worth of content at once, in memory of its own: whoever takes a batch may keep it. */
  expect(length: number): void {
    if (this.#at + length > this.#buffer.length) this.#grow(length);
  }

  /** What was gathered since the last call. */
  take(): OutputChunk[] {
    this.#endRun();
    const chunks = this.#chunks;
    this.#chunks = [];
    return chunks;
  }
}
