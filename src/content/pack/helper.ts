// The helper process that makes a layer's blob of a directory. Arguments: the directory, the file to write, its packing
// (none or gzip). Answers with one line of JSON.
import { closeSync, openSync, writeSync } from 'node:fs';
import { changeRoot } from '../../kernel/files.ts';
import { compressGzip } from '../../lib/compression.ts';
import { messageOf } from '../../lib/errors.ts';
import type { ByteSource } from '../../lib/streams.ts';
import { archiveLayer } from './layer-archiver.ts';

export interface PackReport {
  /** Digest of the archive before it is packed. */
  diffId: string;
  digest: string;
  size: number;
  /** True if the archive has no entries. */
  empty: boolean;
}

export type PackAnswer = { done: PackReport } | { error: string };

export async function run([directory, file, packing]: string[]): Promise<number> {
  if (directory === undefined || file === undefined) return 2;
  const fd = openSync(file, 'wx', 0o644);
  try {
    changeRoot(directory);
    answer({ done: await pack(fd, packing === 'gzip') });
    return 0;
  } catch (error) {
    answer({ error: messageOf(error) });
    return 1;
  } finally {
    closeSync(fd);
  }
}

async function pack(fd: number, gzip: boolean): Promise<PackReport> {
  const plain = new Bun.CryptoHasher('sha256');
  const packed = new Bun.CryptoHasher('sha256');
  let pieces = 0;
  let size = 0;
  async function* archive(): ByteSource {
    for (const chunk of archiveLayer()) {
      pieces++;
      plain.update(chunk);
      yield chunk;
    }
  }
  for await (const chunk of gzip ? compressGzip(archive()) : archive()) {
    if (gzip) packed.update(chunk);
    size += chunk.length;
    for (let written = 0; written < chunk.length; ) written += writeSync(fd, chunk, written);
  }
  const diffId = `sha256:${plain.digest('hex')}`;
  // The end mark is one piece.
  return { diffId, digest: gzip ? `sha256:${packed.digest('hex')}` : diffId, size, empty: pieces === 1 };
}

function answer(message: PackAnswer): void {
  const line = Buffer.from(`${JSON.stringify(message)}\n`);
  for (let written = 0; written < line.length; ) written += writeSync(1, line, written);
}
