// conmon's own log format: "2026-01-02T03:04:05.123456789+00:00 stdout F text\n". F ends a line of output, P is a piece of one
// (what a read of the pipe happened to end with), so the newline that ends a P record is not the container's.
import type { StdStream } from '../output.ts';
import type { LogFormat } from './log-format.ts';
import { parseTime } from './record-time.ts';

const streamAt = 36;
const flagAt = 43;
export const conmonHeaderLength = 45;
const newline = 0x0a;
const space = 0x20;
const letterP = 0x50;
const letterF = 0x46;
const letterE = 0x65;

/** A record that was torn (a full disk) has no header; its bytes count as output that ends a line. */
export function hasHeader(block: Buffer, from: number, end: number): boolean {
  const flag = block[from + flagAt];
  return (
    end - from >= conmonHeaderLength &&
    block[from + streamAt - 1] === space &&
    block[from + flagAt - 1] === space &&
    block[from + flagAt + 1] === space &&
    (flag === letterF || flag === letterP)
  );
}

/** Only for records that have a header. */
export function streamOf(block: Buffer, from: number): StdStream {
  return block[from + streamAt + 3] === letterE ? 2 : 1;
}

export function isPiece(block: Buffer, from: number): boolean {
  return block[from + flagAt] === letterP;
}

export const conmonFormat: LogFormat = {
  extract(block, from, sink) {
    while (!sink.done) {
      const end = block.indexOf(newline, from);
      if (end < 0) break;
      if (!hasHeader(block, from, end)) {
        if (sink.begin(1, true, block, from)) sink.put(1, block, from, end + 1);
      } else {
        const stream = streamOf(block, from);
        const piece = isPiece(block, from);
        if (sink.begin(stream, !piece, block, from)) {
          sink.put(stream, block, from + conmonHeaderLength, piece ? end : end + 1);
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
      const whole = hasHeader(block, from, end);
      record(end + 1, whole ? streamOf(block, from) : 1, !whole || !isPiece(block, from));
      from = end + 1;
    }
  },

  timeOf(block, from, end, into) {
    return hasHeader(block, from, end) && parseTime(block, from, into);
  },
};
