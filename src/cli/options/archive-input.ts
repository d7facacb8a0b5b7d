// Archives that are read: from a file, or from stdin.
import { errnoOf } from '../../lib/errors.ts';
import type { ByteSource } from '../../lib/streams.ts';
import { ExitError } from '../framework/errors.ts';

/** The bytes of a file. Fails before anything is sent if it can't be opened. */
export async function fileSource(path: string): Promise<ByteSource> {
  const { open } = await import('node:fs/promises');
  try {
    const file = await open(path);
    if (!(await file.stat()).isDirectory()) {
      await file.close();
      return Bun.file(path).stream();
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

export const stdinSource = (): ByteSource => Bun.stdin.stream();
