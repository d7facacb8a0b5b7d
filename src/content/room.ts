// A full disk would hit everybody on it: the last bit of space is left to the others.
import { statfsSync } from 'node:fs';
import { errnoOf, failed } from '../lib/errors.ts';

const RESERVED_BYTES = 64 * 1024 * 1024;
const RESERVED_SHARE = 50;

/** Throws unless so many more bytes fit on the file system of `path`. */
export function checkRoom(path: string, bytes: number): void {
  const { bavail, blocks, bsize } = statfsSync(path);
  if (bavail * bsize - bytes >= Math.min(RESERVED_BYTES, (blocks * bsize) / RESERVED_SHARE)) return;
  throw noRoom();
}

const noRoom = (cause?: unknown) => failed('no space left on the device of the data root', cause);

/** What to say when a write failed. */
export const writeProblem = (error: unknown) => (errnoOf(error) === 'ENOSPC' ? noRoom(error) : error);
