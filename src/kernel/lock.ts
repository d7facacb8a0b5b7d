// Whole-file locks: held by an open description, gone with the process however it ends.
import { errno, KernelError, libc } from './libc.ts';

const { flock } = libc({ flock: ['i32', 'i32'] });

const LOCK_EX = 2;
const LOCK_NB = 4;
const EAGAIN = 11;

/** False when somebody else holds it. */
export function tryLock(fd: number): boolean {
  if (flock(fd, LOCK_EX | LOCK_NB) === 0) return true;
  const number = errno();
  if (number === EAGAIN) return false;
  throw new KernelError('flock', number, String(fd));
}
