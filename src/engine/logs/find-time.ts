// Where the records of a time and later begin. Files are in order of time (as far as the machine's clock is), so whole files are
// passed over by the time of their last write, and the place in a file is found by halving it.
import { closeSync, fstatSync, readSync } from 'node:fs';
import type { TailStart } from './find-tail.ts';
import type { LogFormat } from './log-format.ts';
import { isBefore, type RecordTime } from './record-time.ts';
import type { Segments } from './segments.ts';

const newline = 0x0a;
/** Below this it is cheaper to look at each record's time. */
const smallEnough = 128 * 1024;

export async function findTime(
  segments: Segments,
  format: LogFormat,
  since: RecordTime,
  last: number,
): Promise<TailStart> {
  for (const number of segments.finished) {
    if (number >= last) break;
    const open = segments.open(number);
    if (!open) continue;
    try {
      const { mtimeMs, size } = fstatSync(open.fd);
      // The file system's clock ticks coarser than the records' times.
      if ((since.seconds - 1) * 1000 > mtimeMs) continue;
      return {
        segment: number,
        offset: open.compression === 'none' ? halve(open.fd, size, format, since) : 0,
        skipLines: 0,
      };
    } finally {
      closeSync(open.fd);
    }
  }
  const open = segments.open(last);
  if (!open) return { segment: last, offset: 0, skipLines: 0 };
  try {
    return { segment: last, offset: halve(open.fd, fstatSync(open.fd).size, format, since), skipLines: 0 };
  } finally {
    closeSync(open.fd);
  }
}

/** The beginning of a record not long before the first one that is not before `since`. */
function halve(fd: number, size: number, format: LogFormat, since: RecordTime): number {
  let low = 0;
  let high = size;
  const block = Buffer.allocUnsafe(smallEnough);
  const time: RecordTime = { seconds: 0, nanoseconds: 0 };
  while (high - low > smallEnough) {
    const middle = low + Math.floor((high - low) / 2);
    const count = readSync(fd, block, 0, block.length, middle);
    const start = block.subarray(0, count).indexOf(newline) + 1;
    const end = start > 0 ? block.subarray(0, count).indexOf(newline, start) : -1;
    // No whole record in a block this large: look at them all.
    if (end < 0 || !format.timeOf(block, start, end, time)) return low;
    if (isBefore(time, since)) low = middle + start;
    else high = middle;
  }
  return low;
}
