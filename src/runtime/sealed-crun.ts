// crun never runs from its own file, which a container could reach through /proc and overwrite: it copies itself into sealed
// memory and starts again from there. We keep such a copy, so that it finds itself sealed at once.
import { accessSync, closeSync, constants, existsSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { sealedCopy } from '../kernel/sealed-copy.ts';
import { messageOf } from '../lib/errors.ts';
import { log } from '../lib/logger.ts';

interface Copy {
  /** Of the file that was copied. */
  identity: string;
  /** Undefined where a copy can't be had or used. */
  fd: number | undefined;
}

const copies = new Map<string, Copy>();

/** A path for this crun, good as long as this process lives: that of the copy, or its own. */
export function sealedCrun(path: string): string {
  const identity = identityOf(statSync(path));
  let copy = copies.get(path);
  if (copy?.identity !== identity) {
    // The copy of one that was replaced stays open: a conmon may be about to start it.
    copy = { identity, fd: tryToCopy(path) };
    copies.set(path, copy);
  }
  return copy.fd === undefined ? path : pathOf(copy.fd);
}

const identityOf = ({ dev, ino, size, mtimeMs, ctimeMs }: Stats) => [dev, ino, size, mtimeMs, ctimeMs].join(' ');
const pathOf = (fd: number) => `/proc/${process.pid}/fd/${fd}`;

function tryToCopy(path: string): number | undefined {
  // SELinux decides by the label of the file that is started. A script would be read by its name, not by our descriptor.
  if (existsSync('/sys/fs/selinux/enforce') || !isElf(path)) return undefined;
  let fd: number | undefined;
  try {
    fd = sealedCopy(path);
    accessSync(pathOf(fd), constants.X_OK);
    return fd;
  } catch (error) {
    // vm.memfd_noexec forbids it, say.
    log.info('the runtime is started from its file', { path, error: messageOf(error) });
    if (fd !== undefined) closeSync(fd);
    return undefined;
  }
}

function isElf(path: string): boolean {
  const fd = openSync(path, 'r');
  try {
    const magic = Buffer.alloc(4);
    return readSync(fd, magic) === 4 && magic.toString('latin1') === '\x7fELF';
  } finally {
    closeSync(fd);
  }
}
