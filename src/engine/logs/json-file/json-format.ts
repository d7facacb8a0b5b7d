// Docker's json-file format: {"log":"text\n","stream":"stdout","attrs":{...},"time":"2026-01-02T03:04:05.123456789Z"}, a line each.
// A record whose log does not end in a newline is a piece of a line of output.
import type { StdStream } from '../../output.ts';
import type { LogFormat } from '../log-format.ts';
import { parseTime } from '../record-time.ts';
import { readJsonText } from './json-text.ts';

const newline = 0x0a;
const quote = 0x22;
const backslash = 0x5c;
const letterN = 0x6e;
const letterE = 0x65;
const head = Buffer.from('{"log":"');
const streamKey = Buffer.from('","stream":"std');
const timeKey = Buffer.from(',"time":');

/** Where the parts of one record are. Reused for each: a log has millions of them. */
const part = { logEnd: 0, stream: 1 as StdStream, time: 0, ends: false };

function startsWith(block: Buffer, at: number, text: Buffer): boolean {
  for (let index = 0; index < text.length; index++) if (block[at + index] !== text[index]) return false;
  return true;
}

function isEscaped(block: Buffer, at: number): boolean {
  let backslashes = 0;
  while (block[at - 1 - backslashes] === backslash) backslashes++;
  return backslashes % 2 === 1;
}

/** Finds the parts of the record block[from, end); false if it isn't one (its writer was cut short). */
function dissect(block: Buffer, from: number, end: number): boolean {
  if (!startsWith(block, from, head)) return false;
  let time = end - 3;
  for (const least = time - 40; time > least && block[time] !== quote; time--);
  const keyAt = time - timeKey.length;
  if (block[time] !== quote || !startsWith(block, keyAt, timeKey)) return false;
  const logStart = from + head.length;
  let logEnd = keyAt - streamKey.length - 4;
  // Without attributes the stream stands right before the time; the log's text can't hold an unescaped quote.
  if (block[keyAt - 1] !== quote || !startsWith(block, logEnd, streamKey) || isEscaped(block, logEnd)) {
    logEnd = block.indexOf(streamKey, logStart);
    while (logEnd >= 0 && logEnd < keyAt && isEscaped(block, logEnd)) logEnd = block.indexOf(streamKey, logEnd + 1);
    if (logEnd < 0 || logEnd > keyAt) return false;
  }
  part.logEnd = logEnd;
  part.stream = block[logEnd + streamKey.length] === letterE ? 2 : 1;
  part.time = time + 1;
  part.ends = block[logEnd - 1] === letterN && block[logEnd - 2] === backslash && !isEscaped(block, logEnd - 2);
  return true;
}

let scratch = Buffer.allocUnsafeSlow(16 * 1024);

export const jsonFormat: LogFormat = {
  extract(block, from, sink) {
    while (!sink.done) {
      const end = block.indexOf(newline, from);
      if (end < 0) break;
      if (dissect(block, from, end) && sink.begin(part.stream, part.ends, block, part.time)) {
        const start = from + head.length;
        const { stream, logEnd } = part;
        const firstEscape = block.indexOf(backslash, start);
        if (firstEscape < 0 || firstEscape >= logEnd) {
          sink.put(stream, block, start, logEnd);
        } else if (firstEscape === logEnd - 2 && part.ends) {
          sink.put(stream, block, start, firstEscape);
          sink.putByte(stream, newline);
        } else {
          if (logEnd - start > scratch.length) scratch = Buffer.allocUnsafeSlow(2 * (logEnd - start));
          sink.put(stream, scratch, 0, readJsonText(block, start, logEnd, scratch));
        }
      }
      from = end + 1;
    }
    return from;
  },

  visit(block, from, record) {
    for (;;) {
      const end = block.indexOf(newline, from);
      if (end < 0) return from;
      if (dissect(block, from, end)) record(end + 1, part.stream, part.ends);
      from = end + 1;
    }
  },

  timeOf(block, from, end, into) {
    return dissect(block, from, end) && parseTime(block, part.time, into);
  },
};
