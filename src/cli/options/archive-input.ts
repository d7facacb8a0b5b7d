// Archives that are read: from a file, or from stdin.
import type { FileHandle } from 'node:fs/promises';
import { errnoOf } from '../../lib/errors.ts';
import type { ByteSource } from '../../lib/streams.ts';
import { ExitError } from '../framework/errors.ts';

const READ_SIZE = 512 * 1024;

/** The bytes of a file. Fails before anything is sent if it can't be opened. */
export async function fileSource(path: string): Promise<ByteSource> {
  const { open } = await import('node:fs/promises');
  try {
    const file = await open(path);
    if (!(await file.stat()).isDirectory()) {
      return contentOf(file);
    }
    await file.close();
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ENOENT') throw new ExitError(1, `open ${path}: no such file or directory`);
    if (code === 'EACCES') throw new ExitError(1, `open ${path}: permission denied`);
    throw error;
  }
  throw new ExitError(1, `read ${path}: is a directory`);
}

/** In one buffer: whoever takes a chunk is done with it when he asks for the next. */
async function* contentOf(file: FileHandle): ByteSource {
  const buffer = Buffer.allocUnsafe(READ_SIZE);
  try {
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, READ_SIZE, null);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

export const stdinSource = (): ByteSource => Bun.stdin.stream();
