// Writing tar archives: USTAR where it can say everything, a PAX header before it where it can't.
import { encodeName } from '../file-name.ts';
import type { ByteSource } from '../streams.ts';
import { BLOCK, paddingAfter, type TarEntry, type TarKind } from './entry.ts';
import { formatTime, octal } from './numbers.ts';
import { encodePax, XATTR_PREFIX } from './pax.ts';

const types: Record<TarKind, string> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  character: '3',
  block: '4',
  directory: '5',
  fifo: '6',
};

/** What `tarEntry` fills in when it is left out. */
export type PartialTarEntry = Partial<TarEntry> & Pick<TarEntry, 'name' | 'kind'>;

export function tarEntry(given: PartialTarEntry): TarEntry {
  return {
    size: 0,
    mode: given.kind === 'directory' ? 0o755 : 0o644,
    uid: 0,
    gid: 0,
    userName: '',
    groupName: '',
    modified: 0n,
    linkName: '',
    deviceMajor: 0,
    deviceMinor: 0,
    xattrs: new Map(),
    ...given,
  };
}

/** The blocks that announce an entry. Exactly `entry.size` bytes and `tarPadding(entry.size)` must follow. */
export function encodeTarHeader(entry: TarEntry): Buffer {
  const pax = new Map<string, Uint8Array>();
  const block = Buffer.alloc(BLOCK);
  const name = encodeName(entry.kind === 'directory' && !entry.name.endsWith('/') ? `${entry.name}/` : entry.name);
  const size = entry.kind === 'file' ? entry.size : 0;

  const split = isAscii(name) ? splitName(name) : undefined;
  if (split) {
    block.set(split.name, 0);
    block.set(split.prefix, 345);
  } else {
    pax.set('path', name);
    block.set(stripToAscii(name).subarray(0, 100), 0);
  }
  number(entry.mode & 0o7777, 100, 8);
  number(entry.uid, 108, 8, 'uid');
  number(entry.gid, 116, 8, 'gid');
  number(size, 124, 12, 'size');
  const seconds = floorSeconds(entry.modified);
  const modified = octal(seconds, 12);
  if (modified === undefined || seconds * 1_000_000_000n !== entry.modified) {
    pax.set('mtime', Buffer.from(formatTime(entry.modified)));
  }
  block.write(modified ?? octal(0, 12)!, 136, 'latin1');
  if (entry.accessed !== undefined) pax.set('atime', Buffer.from(formatTime(entry.accessed)));
  block.write(types[entry.kind], 156, 'latin1');
  text(encodeName(entry.linkName), 157, 100, 'linkpath');
  block.write('ustar\x0000', 257, 'latin1');
  text(encodeName(entry.userName), 265, 32, 'uname');
  text(encodeName(entry.groupName), 297, 32, 'gname');
  number(entry.deviceMajor, 329, 8);
  number(entry.deviceMinor, 337, 8);
  for (const [key, value] of entry.xattrs) pax.set(XATTR_PREFIX + key, value);
  sum(block);
  return pax.size === 0 ? block : Buffer.concat([paxHeader(name, pax), block]);

  function number(value: number, at: number, width: number, key?: string): void {
    const digits = octal(value, width);
    if (digits === undefined && key !== undefined) pax.set(key, Buffer.from(String(value)));
    block.write(digits ?? octal(0, width)!, at, 'latin1');
  }

  function text(value: Buffer, at: number, width: number, key: string): void {
    if (value.length > width || !isAscii(value)) {
      pax.set(key, value);
      block.set(stripToAscii(value).subarray(0, width), at);
    } else {
      block.set(value, at);
    }
  }
}

/** What fills the last block of a file's data. */
export function tarPadding(size: number): Uint8Array {
  return PADDING.subarray(0, paddingAfter(size));
}

const PADDING = new Uint8Array(BLOCK);

/** The two empty blocks at the end of an archive. */
export const TAR_END: Uint8Array = new Uint8Array(2 * BLOCK);

export interface TarInput {
  entry: TarEntry;
  /** Must hold exactly `entry.size` bytes. */
  body?: ByteSource | Uint8Array;
}

/** A whole archive, made at the consumer's pace. */
export async function* writeTar(inputs: AsyncIterable<TarInput> | Iterable<TarInput>): ByteSource {
  for await (const { entry, body } of inputs) {
    yield encodeTarHeader(entry);
    if (entry.kind !== 'file' || entry.size === 0) continue;
    let written = 0;
    if (body instanceof Uint8Array) {
      written = body.length;
      yield body;
    } else if (body) {
      for await (const chunk of body) {
        written += chunk.length;
        if (written > entry.size) break;
        yield chunk;
      }
    }
    if (written !== entry.size) throw new Error(`tar: ${entry.name} has other than the ${entry.size} bytes announced`);
    if (paddingAfter(entry.size) > 0) yield tarPadding(entry.size);
  }
  yield TAR_END;
}

function floorSeconds(nanoseconds: bigint): bigint {
  const seconds = nanoseconds / 1_000_000_000n;
  return nanoseconds < 0n && seconds * 1_000_000_000n !== nanoseconds ? seconds - 1n : seconds;
}

function isAscii(bytes: Buffer): boolean {
  for (const byte of bytes) if (byte >= 0x80) return false;
  return true;
}

/** A stand-in for tars that don't read PAX headers. */
function stripToAscii(bytes: Buffer): Buffer {
  return bytes.filter(byte => byte < 0x80) as Buffer;
}

/** USTAR has room for 100 bytes, and for up to 155 before a slash. */
function splitName(name: Buffer): { name: Buffer; prefix: Buffer } | undefined {
  if (name.length <= 100) return { name, prefix: Buffer.alloc(0) };
  // The slash at the very end of a directory's name can't be the one to split at.
  const slash = name.subarray(0, Math.min(156, name.length - 1)).lastIndexOf('/');
  if (slash <= 0 || name.length - slash - 1 > 100) return undefined;
  return { name: name.subarray(slash + 1), prefix: name.subarray(0, slash) };
}

function sum(block: Buffer): void {
  block.write('        ', 148, 'latin1');
  let total = 0;
  for (const byte of block) total += byte;
  block.write(`${total.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
}

function paxHeader(name: Buffer, records: ReadonlyMap<string, Uint8Array>): Buffer {
  const data = encodePax(records);
  const ascii = stripToAscii(name);
  const slash = ascii.subarray(0, ascii.length - 1).lastIndexOf('/');
  const label = Buffer.concat([Buffer.from('PaxHeaders.0/'), ascii.subarray(slash + 1)]).subarray(0, 100);
  const block = Buffer.alloc(BLOCK);
  block.set(label, 0);
  block.write(octal(0o644, 8)!, 100, 'latin1');
  block.write(octal(0, 8)!, 108, 'latin1');
  block.write(octal(0, 8)!, 116, 'latin1');
  block.write(octal(data.length, 12)!, 124, 'latin1');
  block.write(octal(0, 12)!, 136, 'latin1');
  block.write('x', 156, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  sum(block);
  return Buffer.concat([block, data, tarPadding(data.length)]);
}
