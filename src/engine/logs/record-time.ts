// Times in log records, to the nanosecond: as [seconds, nanoseconds] pairs of numbers, since a bigint per line costs too much.

export interface RecordTime {
  seconds: number;
  nanoseconds: number;
}

export function recordTime(nanosecondsSinceEpoch: bigint): RecordTime {
  const rest = ((nanosecondsSinceEpoch % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  return { seconds: Number((nanosecondsSinceEpoch - rest) / 1_000_000_000n), nanoseconds: Number(rest) };
}

export function isBefore(a: RecordTime, b: RecordTime): boolean {
  return a.seconds < b.seconds || (a.seconds === b.seconds && a.nanoseconds < b.nanoseconds);
}

const zero = 0x30;

function two(bytes: Uint8Array, at: number): number {
  return (bytes[at]! - zero) * 10 + bytes[at + 1]! - zero;
}

/** Days from 1970-01-01 in the proleptic Gregorian calendar. */
function days(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146097 + dayOfEra - 719468;
}

/**
 * Reads RFC 3339 text at `from` into `into`: any length of fraction, `Z` or an offset. Returns false if it is no such text.
 */
export function parseTime(bytes: Uint8Array, from: number, into: RecordTime): boolean {
  if (bytes[from + 4] !== 0x2d || bytes[from + 10] !== 0x54 || bytes[from + 16] !== 0x3a) return false;
  const year = two(bytes, from) * 100 + two(bytes, from + 2);
  let seconds =
    days(year, two(bytes, from + 5), two(bytes, from + 8)) * 86400 +
    two(bytes, from + 11) * 3600 +
    two(bytes, from + 14) * 60 +
    two(bytes, from + 17);
  let at = from + 19;
  let fraction = 0;
  let digits = 0;
  if (bytes[at] === 0x2e) {
    for (at++; digits < 9; at++, digits++) {
      const digit = bytes[at]! - zero;
      if (!(digit >= 0 && digit <= 9)) break;
      fraction = fraction * 10 + digit;
    }
    for (; digits < 9; digits++) fraction *= 10;
  }
  const sign = bytes[at];
  if (sign === 0x2b || sign === 0x2d) {
    const offset = two(bytes, at + 1) * 3600 + two(bytes, at + 4) * 60;
    seconds += sign === 0x2b ? -offset : offset;
  } else if (sign !== 0x5a) {
    return false;
  }
  if (Number.isNaN(seconds)) return false;
  into.seconds = seconds;
  into.nanoseconds = fraction;
  return true;
}

let cachedSeconds = Number.NaN;
let cachedText = '';

/** "2026-01-02T03:04:05" in UTC. Neighbours in a log mostly share it. */
function dateTime(seconds: number): string {
  if (seconds !== cachedSeconds) {
    cachedSeconds = seconds;
    cachedText = new Date(seconds * 1000).toISOString().slice(0, 19);
  }
  return cachedText;
}

/** RFC 3339 in UTC with nine digits of fraction, always 30 characters: what `logs --timestamps` prints. */
export function fixedTime(time: RecordTime): string {
  return `${dateTime(time.seconds)}.${String(time.nanoseconds).padStart(9, '0')}Z`;
}

/** RFC 3339 in UTC without trailing zeros in the fraction: how Go writes a time into JSON. */
export function shortestTime(time: RecordTime): string {
  if (time.nanoseconds === 0) return `${dateTime(time.seconds)}Z`;
  return `${dateTime(time.seconds)}.${String(time.nanoseconds).padStart(9, '0').replace(/0+$/, '')}Z`;
}
