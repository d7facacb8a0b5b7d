// A file's content in memory that nobody can change any more, root in a container included.
import { closeSync, readFileSync, writeSync } from 'node:fs';
import { check, cstring, libc } from './libc.ts';

const c = libc({ memfd_create: ['ptr', 'u32'], fcntl: ['i32', 'i32', 'i32'] });

const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const F_ADD_SEALS = 1033;
const F_SEAL_SEAL = 1;
const F_SEAL_SHRINK = 2;
const F_SEAL_GROW = 4;
const F_SEAL_WRITE = 8;

/** Returns its descriptor. */
export function sealedCopy(path: string): number {
  const content = readFileSync(path);
  const fd = check(c.memfd_create(cstring(path), MFD_CLOEXEC | MFD_ALLOW_SEALING), 'memfd_create', path);
  try {
    for (let at = 0; at < content.length; ) at += writeSync(fd, content, at);
    check(c.fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), 'fcntl', path);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}
