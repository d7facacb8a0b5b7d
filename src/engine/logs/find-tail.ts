// Where the last N lines begin: backwards from the end, block by block. A compressed file is gone through once to count its lines.
import { closeSync, fstatSync, readSync } from 'node:fs';
import type { StdStream } from '../output.ts';
import { openDecompressed } from './compression.ts';
import type { LogFormat } from './log-format.ts';
import type { OpenSegment, Segments } from './segments.ts';

export interface TailStart {
  segment: number;
  offset: number;
  /** In a compressed file, which has no offsets: lines to pass over. */
  skipLines: number;
  /** Records before that, which hold the beginnings of lines that the other stream's lines have come between. */
  beginnings?: Buffer[];
}

const newline = 0x0a;
const blockSize = 64 * 1024;

/** The state of the way back: how many lines' ends it has met, and of which streams it knows whether their last line is unfinished. */
interface Count {
  wanted: number;
  met: number;
  seen: Set<StdStream>;
}

export async function tailStart(
  segments: Segments,
  format: LogFormat,
  wanted: number,
  last: number,
  lastSize: number,
  signal: AbortSignal,
): Promise<TailStart> {
  const count: Count = { wanted, met: 0, seen: new Set() };
  const numbers = [...segments.finished.filter(number => number < last), last].reverse();
  for (const number of numbers) {
    const open = segments.open(number);
    if (!open) continue;
    if (open.compression === 'none') {
      try {
        const size = fstatSync(open.fd).size;
        const found = backwards(open.fd, Math.min(size, number === last ? lastSize : size), format, count);
        if (found) return { segment: number, skipLines: 0, ...found };
        if (wanted === 0) return { segment: number, offset: 0, skipLines: 0 };
      } finally {
        closeSync(open.fd);
      }
    } else {
      const lines = await countLines(open, format, count, signal);
      if (count.met + lines >= wanted) return { segment: number, offset: 0, skipLines: lines - (wanted - count.met) };
      count.met += lines;
    }
  }
  return { segment: segments.oldest, offset: 0, skipLines: 0 };
}

/** The offset after the line before the first wanted one; undefined if the file has fewer. */
function backwards(
  fd: number,
  size: number,
  format: LogFormat,
  count: Count,
): { offset: number; beginnings: Buffer[] } | undefined {
  let to = size;
  let length = blockSize;
  while (to > 0) {
    const from = Math.max(0, to - length);
    const block = Buffer.allocUnsafe(to - from);
    if (readSync(fd, block, 0, block.length, from) < block.length) return undefined;
    const start = from === 0 ? 0 : block.indexOf(newline) + 1;
    if (start === 0 && from > 0) {
      // Not one record begins in this block.
      length *= 2;
      continue;
    }
    const { ends, final } = lineEnds(block, start, format, count.seen);
    const index = ends.length - (count.wanted - count.met) - 1;
    if (index >= 0) {
      const end = ends[index]!;
      return { offset: from + end, beginnings: unfinishedLines(block.subarray(0, end), start, format, final) };
    }
    count.met += ends.length;
    if (from === 0) return undefined;
    to = from + start;
    length = Math.min(length * 2, 1024 * 1024);
  }
  return undefined;
}

/** The ends of lines in a block. An unfinished line counts when it is the last of its stream: those are told apart, too. */
function lineEnds(
  block: Buffer,
  from: number,
  format: LogFormat,
  seen: Set<StdStream>,
): { ends: number[]; final: ReadonlySet<number> } {
  const ends: number[] = [];
  const latest = new Map<StdStream, { end: number; ends: boolean }>();
  format.visit(block, from, (end, stream, isEnd) => {
    if (isEnd) ends.push(end);
    if (!seen.has(stream)) latest.set(stream, { end, ends: isEnd });
  });
  const final = new Set<number>();
  for (const [stream, record] of latest) {
    seen.add(stream);
    if (record.ends) continue;
    ends.push(record.end);
    final.add(record.end);
  }
  return { ends: final.size > 0 ? ends.sort((a, b) => a - b) : ends, final };
}

/** The records at a block's end that belong to lines which go on after it; of a line that began before the block, only its part. */
function unfinishedLines(block: Buffer, from: number, format: LogFormat, final: ReadonlySet<number>): Buffer[] {
  const pieces: Record<StdStream, { at: number; record: Buffer }[]> = { 1: [], 2: [] };
  let at = from;
  format.visit(block, from, (end, stream, ends) => {
    if (ends || final.has(end)) pieces[stream] = [];
    else pieces[stream].push({ at, record: block.subarray(at, end) });
    at = end;
  });
  return [...pieces[1], ...pieces[2]].sort((a, b) => a.at - b.at).map(piece => piece.record);
}

async function countLines(open: OpenSegment, format: LogFormat, count: Count, signal: AbortSignal): Promise<number> {
  let lines = 0;
  let rest: Buffer = Buffer.alloc(0);
  const latest = new Map<StdStream, boolean>();
  const stream = openDecompressed(open);
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    if (signal.aborted) break;
    const block: Buffer = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    const consumed = format.visit(block, 0, (_end, name, ends) => {
      if (ends) lines++;
      latest.set(name, ends);
    });
    rest = block.subarray(consumed);
  }
  for (const [name, ends] of latest) {
    if (!count.seen.has(name) && !ends) lines++;
    count.seen.add(name);
  }
  return lines;
}
