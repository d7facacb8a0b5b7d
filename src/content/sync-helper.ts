// The helper process that waits for the disk, so that the engine does not have to. Argument: a path on the file system.
import { closeSync, openSync } from 'node:fs';
import { syncFileSystem } from '../kernel/files.ts';

export async function run([path]: string[]): Promise<number> {
  if (path === undefined) return 2;
  const fd = openSync(path, 'r');
  try {
    syncFileSystem(fd);
  } finally {
    closeSync(fd);
  }
  return 0;
}
