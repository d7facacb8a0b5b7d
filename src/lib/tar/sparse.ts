// The maps of files with holes, in the forms that GNU tar has had over the years.
import { invalid } from '../errors.ts';
import type { TarSegment } from './entry.ts';
import { readNumber } from './numbers.ts';

/** The old format: fixed slots in the header, and in extension blocks of the same layout. */
export function readOldSparse(
  block: Buffer,
  start: number,
  slots: number,
): { segments: TarSegment[]; extended: boolean } {
  const segments: TarSegment[] = [];
  for (let slot = 0; slot < slots; slot++) {
    const at = start + slot * 24;
    if (block[at] === 0) break;
    const offset = readNumber(block.subarray(at, at + 12), 'sparse offset');
    segments.push({ offset, length: readNumber(block.subarray(at + 12, at + 24), 'sparse length') });
  }
  return { segments, extended: block[start + slots * 24] === 1 };
}

export function segmentsFromNumbers(numbers: readonly string[]): TarSegment[] {
  if (numbers.length % 2 !== 0) throw invalid('tar: malformed sparse map');
  const segments: TarSegment[] = [];
  for (let at = 0; at < numbers.length; at += 2) {
    segments.push({ offset: decimal(numbers[at]!), length: decimal(numbers[at + 1]!) });
  }
  return segments;
}

function decimal(text: string): number {
  if (!/^\d{1,16}$/.test(text)) throw invalid('tar: malformed sparse map');
  return Number(text);
}

/** Format 1.0: lines of decimal numbers, the count first, padded with NULs. Undefined while it is incomplete. */
export function readMapText(text: string): TarSegment[] | undefined {
  const firstLine = text.indexOf('\n');
  if (firstLine < 0) return undefined;
  const count = decimal(text.slice(0, firstLine));
  const lines = text.slice(firstLine + 1).split('\n');
  // The piece after the last line break is padding, or a line that is not complete yet.
  if (lines.length - 1 < count * 2) return undefined;
  return segmentsFromNumbers(lines.slice(0, count * 2));
}

/** Segments must be in order, inside the file, and add up to what the archive holds. */
export function checkSegments(segments: readonly TarSegment[], size: number, stored: number): void {
  let end = 0;
  let total = 0;
  for (const { offset, length } of segments) {
    if (offset < end || offset + length > size) throw invalid('tar: malformed sparse map');
    end = offset + length;
    total += length;
  }
  if (total !== stored) throw invalid('tar: malformed sparse map');
}
