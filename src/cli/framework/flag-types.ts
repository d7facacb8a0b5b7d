// The types of flags by the names the command reference uses for them: how a value is read, and what error text a wrong one gets.
import { quote } from '../format/template/quote.ts';

const intPattern = /^[+-]?(0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO]?[0-7_]*|[1-9][0-9_]*)$/;

function readInteger(text: string, go: 'ParseInt' | 'ParseUint', min: bigint, max: bigint): number {
  const fail = (why: string): never => {
    throw new Error(`strconv.${go}: parsing ${quote(text)}: ${why}`);
  };
  if (!intPattern.test(text) || (go === 'ParseUint' && /^[+-]/.test(text))) fail('invalid syntax');
  const negative = text.startsWith('-');
  let digits = text.replace(/^[+-]/, '').replaceAll('_', '');
  if (/^0[0-7]+$/.test(digits)) digits = `0o${digits.slice(1)}`;
  const value = BigInt(digits) * (negative ? -1n : 1n);
  if (value < min || value > max) fail('value out of range');
  return Number(value);
}

const signed = (bits: bigint) => (text: string) =>
  readInteger(text, 'ParseInt', -(1n << (bits - 1n)), (1n << (bits - 1n)) - 1n);
const unsigned = (bits: bigint) => (text: string) => readInteger(text, 'ParseUint', 0n, (1n << bits) - 1n);

export function readBool(text: string): boolean {
  if (/^(1|t|T|TRUE|true|True)$/.test(text)) return true;
  if (/^(0|f|F|FALSE|false|False)$/.test(text)) return false;
  throw new Error(`strconv.ParseBool: parsing ${quote(text)}: invalid syntax`);
}

function readFloat(text: string): number {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) {
    throw new Error(`strconv.ParseFloat: parsing ${quote(text)}: invalid syntax`);
  }
  return Number(text);
}

const binaryUnits = 'bkmgtp';

/** `64m`, `1.5GiB`, `512`: a size in bytes, in powers of 1024. */
export function readBytes(text: string): number {
  const match = /^(\d*\.?\d+|\d+\.)\s?([a-zA-Z]*)$/.exec(text);
  if (!match) throw new Error(`invalid size: '${text}'`);
  const suffix = match[2]!.toLowerCase();
  const power = suffix === '' ? 0 : binaryUnits.indexOf(suffix[0]!);
  const valid = suffix === '' || suffix === 'b' || (power > 0 && /^.(b|ib)?$/.test(suffix));
  if (power < 0 || !valid) throw new Error(`invalid suffix: '${suffix}'`);
  return Math.trunc(Number(match[1]) * 1024 ** power);
}

/** A size, or -1 for no limit. */
export function readBytesOrUnlimited(text: string): number {
  return text === '-1' ? -1 : readBytes(text);
}

const durationUnits: Record<string, number> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** `1m30s` in nanoseconds. */
export function readDuration(text: string): number {
  const [, sign, rest] = /^([+-]?)(.*)$/s.exec(text)!;
  if (rest === '0') return 0;
  let total = 0;
  let at = 0;
  if (rest === '') throw new Error(`time: invalid duration ${quote(text)}`);
  while (at < rest!.length) {
    const piece = /^(\d+\.?\d*|\.\d+)([^\d.]*)/.exec(rest!.slice(at));
    if (!piece) throw new Error(`time: invalid duration ${quote(text)}`);
    if (piece[2] === '') throw new Error(`time: missing unit in duration ${quote(text)}`);
    const unit = durationUnits[piece[2]!];
    if (unit === undefined) throw new Error(`time: unknown unit ${quote(piece[2]!)} in duration ${quote(text)}`);
    total += Math.round(Number(piece[1]) * unit);
    at += piece[0].length;
  }
  return sign === '-' ? -total : total;
}

/** `1.5` cpus in billionths. */
export function readDecimal(text: string): number {
  const match = /^([+-]?)(\d+\.?\d*|\.\d+)$/.exec(text);
  if (!match) throw new Error(`failed to parse ${text} as a rational number`);
  const [whole = '', fraction = ''] = match[2]!.split('.');
  if (fraction.replace(/0+$/, '').length > 9) throw new Error('value is too precise');
  const value = Number(`${whole || '0'}${fraction.slice(0, 9).padEnd(9, '0')}`);
  return match[1] === '-' ? -value : value;
}

function readIp(text: string): string {
  const trimmed = text.trim();
  if (!isIp(trimmed)) throw new Error(`failed to parse IP: ${quote(text)}`);
  return trimmed;
}

export function isIp(text: string): boolean {
  return isIpv4(text) || isIpv6(text);
}

export function isIpv4(text: string): boolean {
  const parts = text.split('.');
  return parts.length === 4 && parts.every(part => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256);
}

function isIpv6(text: string): boolean {
  if (!text.includes(':') || /[^0-9a-fA-F:.]/.test(text)) return false;
  const halves = text.split('::');
  if (halves.length > 2) return false;
  let groups = 0;
  for (const [h, half] of halves.entries()) {
    if (half === '') continue;
    const parts = half.split(':');
    for (const [p, part] of parts.entries()) {
      const last = h === halves.length - 1 && p === parts.length - 1;
      if (last && part.includes('.')) {
        if (!isIpv4(part)) return false;
        groups += 2;
      } else {
        if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return false;
        groups += 1;
      }
    }
  }
  if (halves.length === 1) return groups === 8 && text !== '::';
  return groups < 8;
}

/** An address with the length of its network: `10.0.0.0/8`. */
function readNetwork(text: string): string {
  const [address = '', bits = ''] = text.trim().split('/');
  const valid = /^\d{1,3}$/.test(bits) && isIp(address) && Number(bits) <= (isIpv4(address) ? 32 : 128);
  if (!valid) throw new Error(`invalid string being converted to CIDR: ${text}`);
  return text.trim();
}

/** One line of comma-separated values; quotes protect commas. */
export function readCsv(text: string): string[] {
  if (text === '') throw new Error('EOF');
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    if (text[at] === '"') {
      let field = '';
      at++;
      for (;;) {
        const end = text.indexOf('"', at);
        if (end < 0)
          throw new Error(`parse error on line 1, column ${text.length + 1}: extraneous or missing " in quoted-field`);
        field += text.slice(at, end);
        at = end + 1;
        if (text[at] !== '"') break;
        field += '"';
        at++;
      }
      if (at < text.length && text[at] !== ',') {
        throw new Error(`parse error on line 1, column ${at + 1}: extraneous or missing " in quoted-field`);
      }
      fields.push(field);
    } else {
      const comma = text.indexOf(',', at);
      const field = comma < 0 ? text.slice(at) : text.slice(at, comma);
      const bare = field.indexOf('"');
      if (bare >= 0) throw new Error(`parse error on line 1, column ${at + bare + 1}: bare " in non-quoted-field`);
      fields.push(field);
      at += field.length;
    }
    if (at >= text.length) return fields;
    at++;
    if (at === text.length) {
      fields.push('');
      return fields;
    }
  }
}

/** Types with one value: how it is read from its text. */
export const scalarTypes = {
  bool: readBool,
  string: (text: string) => text,
  int: signed(64n),
  int64: signed(64n),
  uint: unsigned(64n),
  uint16: unsigned(16n),
  uint32: unsigned(32n),
  uint64: unsigned(64n),
  float: readFloat,
  bytes: readBytes,
  decimal: readDecimal,
  duration: readDuration,
  ip: readIp,
} as const;

/** Types that gather a list: one text gives some elements. */
export const listTypes = {
  list: (text: string) => [text],
  stringArray: (text: string) => [text],
  stringSlice: (text: string) => (text === '' ? [] : readCsv(text)),
  filter: (text: string) => [text],
  ulimit: (text: string) => [text],
  mount: (text: string) => [text],
  network: (text: string) => [text],
  'gpu-request': (text: string) => [text],
  ipSlice: (text: string) => readCsv(text).map(readIp),
  ipNetSlice: (text: string) => readCsv(text).map(readNetwork),
} as const;

/** Types that gather `key=value` pairs. */
export const mapTypes = {
  map: (text: string): [string, string][] => [splitPair(text)],
  stringToString: (text: string): [string, string][] => {
    const pairs = text.split('=').length === 2 ? [text.replace(/^"(.*)"$/s, '$1')] : readCsv(text);
    return pairs.map(pair => {
      if (!pair.includes('=')) throw new Error(`${pair} must be formatted as key=value`);
      return splitPair(pair);
    });
  },
} as const;

/** Cuts at the first `=`; without one the value is empty. */
export function splitPair(text: string, separator = '='): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + separator.length)];
}

export type ScalarType = keyof typeof scalarTypes;
export type ListType = keyof typeof listTypes;
export type MapType = keyof typeof mapTypes;
