// How bytes are packed is told by their first bytes; what a media type or a file's name says is not to be trusted.
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import { createGunzip, createZstdDecompress, gzip } from 'node:zlib';
import { errnoOf, invalid } from './errors.ts';
import { type ByteSource, concat } from './streams.ts';

export type Compression = 'none' | 'gzip' | 'zstd' | 'bzip2' | 'xz';

/** What to say of what is no archive. */
export const NOT_A_TAR = 'it is not a tar, nor one packed with gzip, zstd, xz or bzip2';

/** As many bytes as `detectCompression` wants to see. */
export const MAGIC_LENGTH = 6;

export function detectCompression(start: Uint8Array): Compression {
  const starts = (...magic: number[]) => magic.every((byte, at) => start[at] === byte);
  if (starts(0x1f, 0x8b, 0x08)) return 'gzip';
  if (starts(0x28, 0xb5, 0x2f, 0xfd)) return 'zstd';
  // A skippable frame: zstd's way to carry something beside the data, often first.
  if ((start[0]! & 0xf0) === 0x50 && start[1] === 0x2a && start[2] === 0x4d && start[3] === 0x18) return 'zstd';
  if (starts(0x42, 0x5a, 0x68)) return 'bzip2';
  if (starts(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00)) return 'xz';
  return 'none';
}

/** Inflating happens on other threads; this much at a time is worth the way there. */
const CHUNK = 256 * 1024;

/** Unpacks gzip and zstd; the consumer's pace is kept and errors of the source come through. */
export async function* decompress(source: ByteSource, compression: 'gzip' | 'zstd'): ByteSource {
  const unpack =
    compression === 'gzip' ? createGunzip({ chunkSize: CHUNK }) : createZstdDecompress({ chunkSize: CHUNK });
  const feeding = (async () => {
    try {
      for await (const chunk of source) {
        if (unpack.destroyed) return;
        if (!unpack.write(chunk)) await drained(unpack);
      }
      unpack.end();
    } catch (error) {
      unpack.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  })();
  try {
    for await (const chunk of unpack) yield chunk as Uint8Array;
  } catch (error) {
    throw isZlibError(error) ? invalid(`malformed ${compression} data: ${(error as Error).message}`, error) : error;
  } finally {
    unpack.destroy();
    await feeding;
  }
}

/** Until it takes more, or takes nothing any more. */
async function drained(stream: NodeJS.WritableStream): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  stream.once('drain', resolve).once('close', resolve);
  await promise;
  stream.removeListener('drain', resolve).removeListener('close', resolve);
}

/** Unpacks whatever it is; bzip2 and xz by programs, if the machine has them. What is not packed comes through as it is. */
export async function* decompressAny(source: ByteSource): ByteSource {
  const { start, rest } = await peek(source, MAGIC_LENGTH);
  const compression = detectCompression(start);
  switch (compression) {
    case 'none':
      yield* rest;
      return;
    case 'gzip':
    case 'zstd':
      yield* decompress(rest, compression);
      return;
    default:
      yield* decompressByProgram(rest, compression);
  }
}

/** The first bytes, as many as wanted if there are so many, and the source as if nobody had looked. */
export async function peek(source: ByteSource, length: number): Promise<{ start: Uint8Array; rest: ByteSource }> {
  const iterator = source[Symbol.asyncIterator]();
  const seen: Uint8Array[] = [];
  let count = 0;
  while (count < length) {
    const { value, done } = await iterator.next();
    if (done) break;
    seen.push(value);
    count += value.length;
  }
  async function* rest(): ByteSource {
    try {
      yield* seen;
      for (;;) {
        const { value, done } = await iterator.next();
        if (done) return;
        yield value;
      }
    } finally {
      await iterator.return?.();
    }
  }
  return { start: concat(seen), rest: rest() };
}

async function* decompressByProgram(source: ByteSource, program: 'bzip2' | 'xz'): ByteSource {
  if (!Bun.which(program)) throw invalid(`unpacking this needs the program ${program}, which is not installed`);
  const child = Bun.spawn([program, '-dc'], { stdin: 'pipe', stdout: 'pipe', stderr: 'pipe' });
  let failure: unknown;
  const feeding = (async () => {
    try {
      for await (const chunk of source) {
        child.stdin.write(chunk);
        await child.stdin.flush();
      }
    } catch (error) {
      failure = error;
      child.kill();
    } finally {
      await child.stdin.end();
    }
  })();
  try {
    for await (const chunk of child.stdout) yield chunk;
    await child.exited;
    if (failure !== undefined) throw failure;
    if (child.exitCode !== 0) throw invalid(`malformed ${program} data: ${(await child.stderr.text()).trim()}`);
  } finally {
    child.kill();
    await feeding;
  }
}

function isZlibError(error: unknown): boolean {
  const code = errnoOf(error) ?? '';
  return /^(Z_|ZSTD_|ERR_ZSTD|ERR_BROTLI|ERR_ZLIB)/.test(code);
}

/** So much is packed at a time: each block by itself, so that all processors have something to do. */
const PACK_BLOCK = 1024 * 1024;

const gzipBlock = promisify(gzip) as (block: Uint8Array) => Promise<Uint8Array>;

/** Packs as gzip: a sequence of members, which every reader takes as one file. */
export async function* compressGzip(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): ByteSource {
  const parallel = availableParallelism();
  const packing: Promise<Uint8Array>[] = [];
  const pack = (block: Uint8Array) => {
    const packed = gzipBlock(block);
    // Whoever takes it out of the row hears of a failure; if nobody does any more, it is of no interest.
    packed.catch(() => {});
    packing.push(packed);
  };
  let empty = true;
  for await (const block of blocksOf(source, PACK_BLOCK)) {
    empty = false;
    pack(block);
    if (packing.length > parallel) yield await packing.shift()!;
  }
  if (empty) pack(new Uint8Array(0));
  for (const packed of packing) yield await packed;
}

/** The same bytes in pieces of one size. */
async function* blocksOf(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, size: number): ByteSource {
  let pieces: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of source) {
    pieces.push(chunk);
    length += chunk.length;
    if (length < size) continue;
    yield concat(pieces);
    pieces = [];
    length = 0;
  }
  if (length > 0) yield concat(pieces);
}
