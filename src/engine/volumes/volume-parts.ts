// Files and directories inside volumes, mounted at paths of their own for the moment in which a runtime needs them.
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  readdirSync,
  rmdirSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { bindMount, unmount } from '../../kernel/mount.ts';
import { O_PATH, RootDirectory } from '../../kernel/openat2.ts';
import { invalid, messageOf } from '../../lib/errors.ts';
import type { VolumePart } from './volumes.ts';

export class VolumeParts {
  constructor(private readonly directory: string) {}

  open(directory: string, subpath: string): VolumePart {
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
    const path = join(this.directory, randomBytes(8).toString('hex'));
    using root = new RootDirectory(directory);
    const fd = openInside(root, subpath);
    try {
      if (fstatSync(fd).isDirectory()) mkdirSync(path);
      else writeFileSync(path, '');
      bindMount(`/proc/self/fd/${fd}`, path, { recursive: true });
    } finally {
      closeSync(fd);
    }
    return { path, [Symbol.dispose]: () => remove(path) };
  }

  /** Removes what a killed daemon left. */
  clear(): void {
    if (!existsSync(this.directory)) return;
    for (const name of readdirSync(this.directory)) remove(join(this.directory, name));
  }
}

function openInside(root: RootDirectory, subpath: string): number {
  try {
    return root.open(subpath, O_PATH);
  } catch (error) {
    throw invalid(`cannot access path ${join(root.path, subpath)} of the mount: ${messageOf(error)}`, error);
  }
}

/** The mount, and the place it was mounted at; never what is in it. */
function remove(path: string): void {
  unmount(path);
  if (statSync(path).isDirectory()) rmdirSync(path);
  else unlinkSync(path);
}
