// conmon's records to Docker's json-file records. What comes out depends only on what went in before, not on how it was cut into
// blocks: so the same bytes come out again when a part is done twice.
import type { StdStream } from '../../output.ts';
import { conmonHeaderLength, hasHeader, isPiece, streamOf } from '../conmon-format.ts';
import { parseTime, type RecordTime, shortestTime } from '../record-time.ts';
import { wholeCharacters, worstGrowth, writeJsonText } from './json-text.ts';

/** Docker reads a container's output through a buffer of this size: a longer line becomes several records. */
const longestPiece = 16 * 1024;
const newline = 0x0a;

/** The beginning of a line whose end conmon hasn't seen yet. */
export interface Pending {
  text: Buffer;
  /** Of the last piece. */
  time: string;
  /** Of the line's first record, when there is one already: its others bear it too. */
  lineTime?: string;
}

export type PendingLines = Record<StdStream, Pending | undefined>;

const empty = Buffer.alloc(0);
const head = Buffer.from('{"log":"');
const tail = Buffer.from('"}\n');
const usualOutput = 512 * 1024;

/** For a few bytes, faster than a native copy. Returns where they end. */
function copyShort(from: Buffer, length: number, to: Buffer, at: number): number {
  for (let index = 0; index < length; index++) to[at + index] = from[index]!;
  return at + length;
}

/** conmon's form of a time, in UTC: "2026-01-02T03:04:05.123456789+00:00". */
function isPlainUtc(block: Buffer, from: number): boolean {
  return (
    block[from + 19] === 0x2e &&
    block[from + 29] === 0x2b &&
    block[from + 30] === 0x30 &&
    block[from + 31] === 0x30 &&
    block[from + 33] === 0x30 &&
    block[from + 34] === 0x30
  );
}

/** Room that so many bytes of output may need: each byte escaped, in records as short as they get. */
function worstRoom(content: number, frame: number): number {
  return worstGrowth * content + (Math.ceil(content / (longestPiece - 3)) + 1) * frame;
}

export class Conversion {
  pending: PendingLines;
  #out: Buffer = empty;
  #at = 0;
  readonly #middle: Record<StdStream, Buffer>;
  readonly #newline = Buffer.from('\n');
  #time: RecordTime = { seconds: 0, nanoseconds: 0 };
  /** Of the latest record; a log that begins with a torn one has no better. */
  #timeText = Buffer.from('0001-01-01T00:00:00Z'.padEnd(40));
  #timeLength = 20;

  /** `attributes` is the JSON text of the attrs of every record, '' for none. */
  constructor(attributes: string, pending: PendingLines) {
    this.pending = pending;
    const attrs = attributes ? `,"attrs":${attributes}` : '';
    this.#middle = {
      1: Buffer.from(`","stream":"stdout"${attrs},"time":"`),
      2: Buffer.from(`","stream":"stderr"${attrs},"time":"`),
    };
  }

  /**
   * Converts whole records of the block from `from` on until there are none or `room` bytes have come out; returns where it
   * stopped. The result is in `output` until the next call.
   */
  convert(block: Buffer, from: number, room: number): number {
    this.#at = 0;
    const wanted = Math.min(usualOutput, 4096 + 8 * (block.length - from));
    if (this.#out.length < wanted) this.#out = Buffer.allocUnsafeSlow(wanted);
    while (this.#at < room) {
      const end = block.indexOf(newline, from);
      if (end < 0) break;
      if (!this.#fits(this.#pendingLength() + end - from)) break;
      this.#record(block, from, end);
      from = end + 1;
    }
    return from;
  }

  /** Gives back the memory. */
  rest(): void {
    this.#at = 0;
    this.#out = empty;
  }

  get output(): Buffer {
    return this.#out.subarray(0, this.#at);
  }

  #pendingLength(): number {
    return (this.pending[1]?.text.length ?? 0) + (this.pending[2]?.text.length ?? 0);
  }

  #fits(content: number): boolean {
    const room = worstRoom(content, this.#middle[1].length + 64);
    if (this.#at + room <= this.#out.length) return true;
    if (this.#at > 0) return false;
    this.#out = Buffer.allocUnsafeSlow(room);
    return true;
  }

  #record(block: Buffer, from: number, end: number): void {
    const whole = hasHeader(block, from, end);
    const stream = whole ? streamOf(block, from) : 1;
    const piece = whole && isPiece(block, from);
    const start = whole ? from + conmonHeaderLength : from;
    if (whole) this.#readTime(block, from);
    const pending = this.pending[stream];
    if (!pending && !piece && end - start < longestPiece) {
      this.#write(stream, block, start, end + 1);
      return;
    }
    this.#join(stream, pending, block.subarray(start, end), piece);
  }

  #join(stream: StdStream, pending: Pending | undefined, more: Buffer, piece: boolean): void {
    let text = pending ? Buffer.concat([pending.text, more]) : Buffer.from(more);
    let time = pending?.lineTime;
    while (text.length >= longestPiece) {
      const cut = wholeCharacters(text, 0, longestPiece);
      time ??= this.#now();
      this.#write(stream, text, 0, cut, time);
      text = text.subarray(cut);
    }
    if (piece) {
      this.#remember(stream, { text: Buffer.from(text), time: this.#now(), lineTime: time });
      return;
    }
    this.#remember(stream, undefined);
    this.#write(stream, Buffer.concat([text, this.#newline]), 0, text.length + 1, time);
  }

  /** In a new object: whoever kept the one before can go back to it. */
  #remember(stream: StdStream, line: Pending | undefined): void {
    this.pending = { ...this.pending, [stream]: line };
  }

  /** The container has ended: what is pending is written without a newline. */
  finish(): void {
    this.#at = 0;
    this.#fits(this.#pendingLength());
    const unfinished = this.pending;
    this.pending = { 1: undefined, 2: undefined };
    for (const stream of [1, 2] as const) {
      const pending = unfinished[stream];
      if (!pending || pending.text.length === 0) continue;
      this.#write(stream, pending.text, 0, pending.text.length, pending.lineTime ?? pending.time);
    }
  }

  #now(): string {
    return this.#timeText.toString('latin1', 0, this.#timeLength);
  }

  #write(stream: StdStream, text: Buffer, start: number, end: number, time?: string): void {
    const out = this.#out;
    let at = copyShort(head, head.length, out, this.#at);
    at = writeJsonText(text, start, end, out, at);
    const middle = this.#middle[stream];
    at = copyShort(middle, middle.length, out, at);
    if (time === undefined) at = copyShort(this.#timeText, this.#timeLength, out, at);
    else at += out.write(time, at, 'latin1');
    this.#at = copyShort(tail, tail.length, out, at);
  }

  #readTime(block: Buffer, from: number): void {
    const text = this.#timeText;
    // conmon's own form in UTC needs no arithmetic: without trailing zeros, and Z instead of +00:00.
    if (isPlainUtc(block, from)) {
      let length = 29;
      while (block[from + length - 1] === 0x30) length--;
      if (block[from + length - 1] === 0x2e) length--;
      for (let index = 0; index < length; index++) text[index] = block[from + index]!;
      text[length] = 0x5a;
      this.#timeLength = length + 1;
    } else if (parseTime(block, from, this.#time)) {
      this.#timeLength = text.write(shortestTime(this.#time), 'latin1');
    }
  }
}
