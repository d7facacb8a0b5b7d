// Whole-file locks: held by an open description, gone with the process however it ends.
import { errno, KernelError, libc } from './libc.ts';

const { flock } = libc({ flock: ['i32', 'i32'] });

const LOCK_EX = 2;
const LOCK_NB = 4;
const EINTR = 4;
const EAGAIN = 11;

/** False when somebody else holds it. */
export function tryLock(fd: number): boolean {
  if (flock(fd, LOCK_EX | LOCK_NB) === 0) return true;
  const number = errno();
  if (number === EAGAIN) return false;
  throw new KernelError('flock', number, String(fd));
}

/** Blocks the whole process: for short programs only. */
export function waitForLock(fd: number): void {
  while (flock(fd, LOCK_EX) !== 0) {
    const number = errno();
    if (number !== EINTR) throw new KernelError('flock', number, String(fd));
  }
}
