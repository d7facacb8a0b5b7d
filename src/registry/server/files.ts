// Files that are whole or not there, whatever happens to the process or the machine.
import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf } from '../../lib/errors.ts';

/** Written aside, then renamed. `temporary` is a directory on the same file system that is emptied at every start. */
export async function writeWhole(path: string, content: string | Uint8Array, temporary: string): Promise<void> {
  const aside = `${temporary}/${randomUUID()}`;
  const file = await open(aside, 'wx', 0o644);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await moveTo(aside, path);
}

/** The file's content must be on the disk already. */
export async function moveTo(from: string, to: string): Promise<void> {
  const directory = dirname(to);
  await mkdir(directory, { recursive: true });
  await rename(from, to);
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Names in a directory, sorted; none if it is not there. */
export async function namesIn(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).sort();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** False if there was none. */
export async function removeFile(path: string): Promise<boolean> {
  try {
    await rm(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}
