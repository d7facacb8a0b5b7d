// Numbers in tar headers: octal text, or big-endian two's complement where the first bit says so.
import { invalid } from '../errors.ts';

/** A field that may not be negative and must be exact. */
export function readNumber(field: Uint8Array, what: string): number {
  if ((field[0]! & 0x80) === 0) return readOctal(field, what);
  const value = readBinary(field);
  if (value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER)) throw invalid(`tar: ${what} is out of range`);
  return Number(value);
}

/** A field that may be negative (times before 1970). */
export function readInteger(field: Uint8Array, what: string): bigint {
  return (field[0]! & 0x80) === 0 ? BigInt(readOctal(field, what)) : readBinary(field);
}

/** Eleven digits at most, which every number can hold. */
function readOctal(field: Uint8Array, what: string): number {
  let value = 0;
  let at = 0;
  while (at < field.length && (field[at] === 0x20 || field[at] === 0)) at++;
  for (; at < field.length; at++) {
    const digit = field[at]! - 0x30;
    if (digit < 0 || digit > 7) break;
    value = value * 8 + digit;
  }
  for (; at < field.length; at++) {
    if (field[at] !== 0x20 && field[at] !== 0) throw invalid(`tar: ${what} is not a number`);
  }
  return value;
}

function readBinary(field: Uint8Array): bigint {
  const negative = (field[0]! & 0x40) !== 0;
  let value = BigInt(field[0]! & 0x3f) - (negative ? 0x40n : 0n);
  for (let at = 1; at < field.length; at++) value = (value << 8n) | BigInt(field[at]!);
  return value;
}

/** Octal with its NUL, or undefined if it does not fit. */
export function octal(value: bigint | number, width: number): string | undefined {
  if (value < 0) return undefined;
  const digits = value.toString(8);
  return digits.length > width - 1 ? undefined : `${digits.padStart(width - 1, '0')}\0`;
}

/** PAX times: decimal seconds, perhaps with a fraction, perhaps negative. */
export function readTime(text: string): bigint {
  const match = /^(-?)(\d{1,18})(?:\.(\d*))?$/.exec(text);
  if (!match) throw invalid('tar: malformed time in a PAX header');
  const fraction = BigInt((match[3] ?? '').padEnd(9, '0').slice(0, 9));
  const magnitude = BigInt(match[2]!) * 1_000_000_000n + fraction;
  return match[1] === '-' ? -magnitude : magnitude;
}

export function formatTime(nanoseconds: bigint): string {
  const magnitude = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  const fraction = (magnitude % 1_000_000_000n).toString().padStart(9, '0').replace(/0+$/, '');
  const seconds = (magnitude / 1_000_000_000n).toString();
  return `${nanoseconds < 0n ? '-' : ''}${seconds}${fraction === '' ? '' : `.${fraction}`}`;
}

/** PAX decimal numbers. */
export function readDecimal(text: string, what: string): number {
  if (!/^\d{1,16}$/.test(text) || Number(text) > Number.MAX_SAFE_INTEGER)
    throw invalid(`tar: malformed ${what} in a PAX header`);
  return Number(text);
}
