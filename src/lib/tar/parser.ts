// A tar parser that is fed: it takes any split of the archive, keeps no file's content, and never goes back.
// Reads V7, USTAR, PAX and GNU archives, with every form of sparse file that GNU tar has written.
import { invalid } from '../errors.ts';
import { decodeName } from '../file-name.ts';
import { BLOCK, paddingAfter, type TarEntry, type TarKind, type TarSegment } from './entry.ts';
import { readDecimal, readInteger, readNumber, readTime } from './numbers.ts';
import { OLD_SPARSE_MAP, type PaxRecords, readPax, XATTR_PREFIX } from './pax.ts';
import { checkSegments, readMapText, readOldSparse, segmentsFromNumbers } from './sparse.ts';

export interface TarHandler {
  entry(entry: TarEntry): void;
  /** The bytes are only valid during the call. `offset` is their place in the file: files with holes jump. */
  data(bytes: Uint8Array, offset: number): void;
  /** The entry announced last is complete. */
  end(): void;
}

/** Long names and PAX headers are held in memory, so they have to end somewhere. */
const MAX_EXTENSION = 1024 * 1024;
const MAX_SPARSE_MAP = 4 * 1024 * 1024;

const kinds: Record<string, TarKind> = {
  '\0': 'file',
  '0': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'character',
  '4': 'block',
  '5': 'directory',
  '6': 'fifo',
  '7': 'file',
  S: 'file',
};

type State = 'header' | 'extension' | 'oldSparse' | 'sparseMap' | 'data' | 'padding' | 'over';

export class TarParser {
  #state: State = 'header';
  readonly #block = Buffer.alloc(BLOCK);
  #blockFilled = 0;
  #sawZeroBlock = false;

  #extensionKind = '';
  #extension = Buffer.alloc(0);
  #extensionFilled = 0;

  #global: PaxRecords = new Map();
  #local: PaxRecords = new Map();
  #longName: string | undefined;
  #longLink: string | undefined;

  #entry: TarEntry | undefined;
  #sparseMapText = '';
  #segments: TarSegment[] = [];
  #segment = 0;
  #inSegment = 0;
  /** Bytes of the entry's data still to come from the archive, and the padding after them. */
  #stored = 0;
  #padding = 0;

  constructor(private readonly handler: TarHandler) {}

  /** True after the end mark; whatever follows is ignored. */
  get over(): boolean {
    return this.#state === 'over';
  }

  feed(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      switch (this.#state) {
        case 'data': {
          at += this.#takeData(chunk, at);
          continue;
        }
        case 'padding': {
          const taken = Math.min(this.#padding, chunk.length - at);
          this.#padding -= taken;
          at += taken;
          if (this.#padding === 0) this.#state = 'header';
          continue;
        }
        case 'extension': {
          at += this.#takeExtension(chunk, at);
          continue;
        }
        case 'over':
          return;
        default: {
          const taken = Math.min(BLOCK - this.#blockFilled, chunk.length - at);
          this.#block.set(chunk.subarray(at, at + taken), this.#blockFilled);
          this.#blockFilled += taken;
          at += taken;
          if (this.#blockFilled < BLOCK) return;
          this.#blockFilled = 0;
          if (this.#state === 'header') this.#takeHeader();
          else if (this.#state === 'oldSparse') this.#takeOldSparse();
          else this.#takeSparseMap();
        }
      }
    }
  }

  /** The input is over. An archive that stops between entries without its end mark is accepted, as every tar does. */
  finish(): void {
    if (this.#state === 'over') return;
    if (this.#state !== 'header' || this.#blockFilled > 0 || this.#pendingExtension()) {
      throw invalid('tar: unexpected end of the archive');
    }
    this.#state = 'over';
  }

  #pendingExtension(): boolean {
    return this.#local.size > 0 || this.#longName !== undefined || this.#longLink !== undefined;
  }

  #takeHeader(): void {
    const block = this.#block;
    if (isZero(block)) {
      if (this.#pendingExtension()) throw invalid('tar: unexpected end of the archive');
      if (this.#sawZeroBlock) this.#state = 'over';
      this.#sawZeroBlock = true;
      return;
    }
    // One zero block alone is not the end for GNU tar with --ignore-zeros only; everybody else stops there.
    if (this.#sawZeroBlock) {
      this.#state = 'over';
      return;
    }
    verifyChecksum(block);
    const type = String.fromCharCode(block[156]!);
    const size = readNumber(block.subarray(124, 136), 'size');
    switch (type) {
      case 'x':
      case 'g':
      case 'X':
      case 'L':
      case 'K':
        if (size > MAX_EXTENSION) throw invalid('tar: extension header is too large');
        this.#extensionKind = type;
        this.#extension = Buffer.alloc(size + paddingAfter(size));
        this.#extensionFilled = 0;
        this.#stored = size;
        this.#state = 'extension';
        if (size === 0) this.#endExtension();
        return;
      default:
        this.#startEntry(type, size);
    }
  }

  #takeExtension(chunk: Uint8Array, at: number): number {
    const taken = Math.min(this.#extension.length - this.#extensionFilled, chunk.length - at);
    this.#extension.set(chunk.subarray(at, at + taken), this.#extensionFilled);
    this.#extensionFilled += taken;
    if (this.#extensionFilled === this.#extension.length) this.#endExtension();
    return taken;
  }

  #endExtension(): void {
    const data = this.#extension.subarray(0, this.#stored);
    this.#extension = Buffer.alloc(0);
    this.#state = 'header';
    switch (this.#extensionKind) {
      case 'L':
        this.#longName = decodeName(untilNul(data));
        return;
      case 'K':
        this.#longLink = decodeName(untilNul(data));
        return;
      case 'g':
        // An empty value takes an earlier one back.
        for (const [key, value] of readPax(data)) {
          if (value.length === 0) this.#global.delete(key);
          else this.#global.set(key, value);
        }
        return;
      default:
        this.#local = readPax(data);
    }
  }

  #startEntry(type: string, headerSize: number): void {
    const block = this.#block;
    let kind = kinds[type];
    if (kind === undefined) throw invalid(`tar: entry of unknown type ${JSON.stringify(type)}`);
    const pax = this.#records();
    const ustar = block.toString('latin1', 257, 262) === 'ustar';
    const gnu = ustar && block.toString('latin1', 262, 265) === '  \0';

    let name = this.#longName ?? textField(block, 0, 100);
    if (ustar && !gnu && this.#longName === undefined) {
      const prefix = textField(block, 345, 155);
      if (prefix !== '') name = `${prefix}/${name}`;
    }
    name = paxName(pax, 'path') ?? name;
    const linkName = paxName(pax, 'linkpath') ?? this.#longLink ?? textField(block, 157, 100);
    this.#longName = undefined;
    this.#longLink = undefined;
    this.#local = new Map();

    // Old tars had no type for directories: a slash at the end said it.
    if (kind === 'file' && type === '\0' && name.endsWith('/')) kind = 'directory';
    const hasData = kind === 'file';
    const storedSize = paxNumber(pax, 'size') ?? headerSize;
    const time = pax.get('mtime');
    const accessTime = pax.get('atime');
    const device = kind === 'character' || kind === 'block';
    const entry: TarEntry = {
      name,
      kind,
      size: hasData ? storedSize : 0,
      mode: readNumber(block.subarray(100, 108), 'mode') & 0o7777,
      uid: paxNumber(pax, 'uid') ?? readNumber(block.subarray(108, 116), 'uid'),
      gid: paxNumber(pax, 'gid') ?? readNumber(block.subarray(116, 124), 'gid'),
      userName: paxName(pax, 'uname') ?? (ustar ? textField(block, 265, 32) : ''),
      groupName: paxName(pax, 'gname') ?? (ustar ? textField(block, 297, 32) : ''),
      modified: time
        ? readTime(time.toString('latin1'))
        : readInteger(block.subarray(136, 148), 'time') * 1_000_000_000n,
      linkName: kind === 'symlink' || kind === 'hardlink' ? linkName : '',
      deviceMajor: device ? readNumber(block.subarray(329, 337), 'device number') : 0,
      deviceMinor: device ? readNumber(block.subarray(337, 345), 'device number') : 0,
      xattrs: xattrsOf(pax),
    };
    if (accessTime) entry.accessed = readTime(accessTime.toString('latin1'));
    if (entry.name === '') throw invalid('tar: entry without a name');

    this.#entry = entry;
    this.#stored = hasData ? storedSize : 0;
    this.#padding = paddingAfter(this.#stored);
    this.#segments = [];
    if (type === 'S') this.#startOldSparse(entry);
    else if (hasData && isSparse(pax)) this.#startPaxSparse(entry, pax);
    else this.#announce(entry);
  }

  /** This entry's PAX records over the archive's; an empty value takes one back. */
  #records(): PaxRecords {
    if (this.#global.size === 0) return this.#local;
    const merged = new Map([...this.#global, ...this.#local]);
    for (const [key, value] of this.#local) if (value.length === 0) merged.delete(key);
    return merged;
  }

  #startOldSparse(entry: TarEntry): void {
    const { segments, extended } = readOldSparse(this.#block, 386, 4);
    entry.size = readNumber(this.#block.subarray(483, 495), 'real size');
    this.#segments = segments;
    if (extended) this.#state = 'oldSparse';
    else this.#announceSparse(entry);
  }

  #takeOldSparse(): void {
    const { segments, extended } = readOldSparse(this.#block, 0, 21);
    this.#segments.push(...segments);
    if (this.#segments.length > MAX_SPARSE_MAP / 24) throw invalid('tar: sparse map is too large');
    if (!extended) this.#announceSparse(this.#entry!);
  }

  #startPaxSparse(entry: TarEntry, pax: PaxRecords): void {
    const realSize = pax.get('GNU.sparse.realsize') ?? pax.get('GNU.sparse.size');
    if (realSize === undefined) throw invalid('tar: sparse file without its size');
    entry.size = readDecimal(realSize.toString('latin1'), 'sparse size');
    entry.name = paxName(pax, 'GNU.sparse.name') ?? entry.name;
    if (pax.get('GNU.sparse.major')?.toString('latin1') === '1') {
      // The map is in the data's first blocks.
      this.#sparseMapText = '';
      this.#state = 'sparseMap';
      if (this.#stored < BLOCK) throw invalid('tar: malformed sparse map');
      return;
    }
    this.#segments = segmentsFromNumbers(
      (pax.get(OLD_SPARSE_MAP)?.toString('latin1') ?? '').split(',').filter(Boolean),
    );
    this.#announceSparse(entry);
  }

  #takeSparseMap(): void {
    this.#stored -= BLOCK;
    this.#sparseMapText += this.#block.toString('latin1');
    const segments = readMapText(this.#sparseMapText);
    if (segments) {
      this.#sparseMapText = '';
      this.#segments = segments;
      this.#announceSparse(this.#entry!);
    } else if (this.#stored < BLOCK || this.#sparseMapText.length > MAX_SPARSE_MAP) {
      throw invalid('tar: malformed sparse map');
    }
  }

  #announceSparse(entry: TarEntry): void {
    checkSegments(this.#segments, entry.size, this.#stored);
    entry.segments = this.#segments;
    this.#announce(entry);
  }

  #announce(entry: TarEntry): void {
    if (!entry.segments) this.#segments = entry.size > 0 ? [{ offset: 0, length: entry.size }] : [];
    this.#segment = 0;
    this.#inSegment = 0;
    this.handler.entry(entry);
    if (this.#stored > 0) this.#state = 'data';
    else this.#endEntry();
  }

  #takeData(chunk: Uint8Array, at: number): number {
    let segment = this.#segments[this.#segment]!;
    while (this.#inSegment === segment.length) {
      segment = this.#segments[++this.#segment]!;
      this.#inSegment = 0;
    }
    const taken = Math.min(segment.length - this.#inSegment, chunk.length - at);
    const whole = at === 0 && taken === chunk.length;
    this.handler.data(whole ? chunk : chunk.subarray(at, at + taken), segment.offset + this.#inSegment);
    this.#inSegment += taken;
    this.#stored -= taken;
    if (this.#stored === 0) this.#endEntry();
    return taken;
  }

  #endEntry(): void {
    this.#entry = undefined;
    this.#state = this.#padding > 0 ? 'padding' : 'header';
    this.handler.end();
  }
}

function isZero(block: Buffer): boolean {
  if (block[0] !== 0) return false;
  for (let at = 0; at < BLOCK; at++) if (block[at] !== 0) return false;
  return true;
}

/** What a header is that is none: the archive is damaged, or no tar at all. */
export const INVALID_HEADER = 'tar: invalid header';

/** Some old tars summed signed bytes; both sums are accepted. */
function verifyChecksum(block: Buffer): void {
  const field = block.subarray(148, 156);
  const expected = checksumIn(field);
  // The field itself counts as spaces.
  let unsigned = 8 * 0x20;
  let high = 0;
  for (let at = 0; at < BLOCK; at++) {
    unsigned += block[at]!;
    high += block[at]! >> 7;
  }
  for (const byte of field) {
    unsigned -= byte;
    high -= byte >> 7;
  }
  if (expected !== BigInt(unsigned) && expected !== BigInt(unsigned - 256 * high)) throw invalid(INVALID_HEADER);
}

/** Undefined if what stands there is no number. */
function checksumIn(field: Buffer): bigint | undefined {
  try {
    return readInteger(field, 'checksum');
  } catch {
    return undefined;
  }
}

function untilNul(bytes: Buffer): Buffer {
  const end = bytes.indexOf(0);
  return end < 0 ? bytes : bytes.subarray(0, end);
}

function textField(block: Buffer, start: number, length: number): string {
  if (block[start] === 0) return '';
  return decodeName(untilNul(block.subarray(start, start + length)));
}

function paxName(pax: PaxRecords, key: string): string | undefined {
  const value = pax.get(key);
  if (value === undefined || value.length === 0) return undefined;
  if (value.includes(0)) throw invalid('tar: name with a NUL in a PAX header');
  return decodeName(value);
}

function paxNumber(pax: PaxRecords, key: string): number | undefined {
  const value = pax.get(key);
  return value === undefined || value.length === 0 ? undefined : readDecimal(value.toString('latin1'), key);
}

const NO_XATTRS: ReadonlyMap<string, Uint8Array> = new Map();

function xattrsOf(pax: PaxRecords): ReadonlyMap<string, Uint8Array> {
  let xattrs: Map<string, Uint8Array> | undefined;
  for (const [key, value] of pax) {
    if (!key.startsWith(XATTR_PREFIX)) continue;
    xattrs ??= new Map();
    xattrs.set(key.slice(XATTR_PREFIX.length), value);
  }
  return xattrs ?? NO_XATTRS;
}

function isSparse(pax: PaxRecords): boolean {
  return pax.has('GNU.sparse.major') || pax.has(OLD_SPARSE_MAP) || pax.has('GNU.sparse.size');
}
