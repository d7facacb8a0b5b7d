// Compressed log files: gzip where others read them, zstd where only we do.
import { createReadStream, createWriteStream, renameSync, statSync, utimesSync } from 'node:fs';
import type { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip, createZstdCompress, createZstdDecompress, constants as zlib } from 'node:zlib';
import { unlinkIfThere } from './file-io.ts';
import type { Compression, OpenSegment } from './segments.ts';

const chunkSize = 256 * 1024;
/** Logs are repetitive: the lowest level makes them nearly as small as a higher one. */
const fast = { [zlib.ZSTD_c_compressionLevel]: 1 };

/** The content of an open compressed file; closes its descriptor at the end or when destroyed. */
export function openDecompressed(open: OpenSegment): Readable {
  const file = createReadStream('', { fd: open.fd, autoClose: true, highWaterMark: chunkSize, start: 0 });
  const decompress = open.compression === 'zstd' ? createZstdDecompress({ chunkSize }) : createGunzip({ chunkSize });
  file.on('error', error => decompress.destroy(error));
  decompress.on('close', () => file.destroy());
  return file.pipe(decompress);
}

/**
 * Compresses a finished file into `target`, which appears whole or not at all and keeps the time of the last line. Runs on the
 * thread pool.
 */
export async function compressFile(
  source: string,
  target: string,
  compression: Exclude<Compression, 'none'>,
  signal: AbortSignal,
): Promise<void> {
  const partial = `${target}.tmp`;
  const compress: Transform =
    compression === 'zstd' ? createZstdCompress({ chunkSize, params: fast }) : createGzip({ chunkSize });
  try {
    await pipeline(
      createReadStream(source, { highWaterMark: chunkSize }),
      compress,
      createWriteStream(partial, { mode: 0o640 }),
      { signal },
    );
    const { atime, mtime } = statSync(source);
    utimesSync(partial, atime, mtime);
    renameSync(partial, target);
  } catch (error) {
    unlinkIfThere(partial);
    throw error;
  }
}
