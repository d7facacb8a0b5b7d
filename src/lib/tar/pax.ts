// PAX extended headers: records of "<length> <key>=<value>\n", whose values may hold any byte.
import { invalid } from '../errors.ts';

export type PaxRecords = Map<string, Buffer>;

export const XATTR_PREFIX = 'SCHILY.xattr.';

/** The old sparse format repeats two keys, once for each segment: their values are collected in order. */
export const OLD_SPARSE_MAP = 'GNU.sparse.map';
const SPARSE_PAIR = new Set(['GNU.sparse.offset', 'GNU.sparse.numbytes']);

export function readPax(data: Buffer): PaxRecords {
  const records: PaxRecords = new Map();
  const pairs: string[] = [];
  for (let at = 0; at < data.length; ) {
    const space = data.indexOf(0x20, at);
    const digits = space < 0 ? '' : data.toString('latin1', at, space);
    if (!/^\d{1,8}$/.test(digits)) throw invalid('tar: malformed PAX header');
    const end = at + Number(digits);
    const equals = data.indexOf(0x3d, space + 1);
    if (end > data.length || equals < 0 || equals >= end || equals === space + 1 || data[end - 1] !== 0x0a)
      throw invalid('tar: malformed PAX header');
    const key = data.toString('utf8', space + 1, equals);
    const value = data.subarray(equals + 1, end - 1);
    if (key.includes('\0')) throw invalid('tar: malformed PAX header');
    if (SPARSE_PAIR.has(key)) pairs.push(value.toString('latin1'));
    // The bytes are kept beyond the life of the parser's buffer.
    else records.set(key, Buffer.from(value));
    at = end;
  }
  if (pairs.length > 0) records.set(OLD_SPARSE_MAP, Buffer.from(pairs.join(',')));
  return records;
}

export function encodePax(records: ReadonlyMap<string, Uint8Array>): Buffer {
  const parts: Uint8Array[] = [];
  for (const [key, value] of records) {
    const rest = Buffer.byteLength(key) + value.length + 3;
    // The length counts its own digits.
    let length = rest + String(rest).length;
    if (rest + String(length).length !== length) length = rest + String(length).length;
    parts.push(Buffer.from(`${length} ${key}=`), value, Buffer.from('\n'));
  }
  return Buffer.concat(parts);
}
