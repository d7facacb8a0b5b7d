// The one dlopen of libc. Each file beside this one gives a family of calls typed functions; nothing outside src/kernel imports bun:ffi.
import { dlopen, type FFIFunction, FFIType, type FFITypeOrString, read } from 'bun:ffi';

type Arg = number | bigint | null | NodeJS.TypedArray;
type Functions<T> = { [K in keyof T]: (...args: Arg[]) => number };

/**
 * Declares libc functions by their argument types: `libc({ umount2: ['ptr', 'i32'] })`. The result type must be right,
 * or -1 is read as 4294967295: int is the default, `long` is for those that return ssize_t, off_t or long.
 */
export function libc<const T extends Record<string, readonly FFITypeOrString[]>>(
  functions: T,
  returns: 'int' | 'long' = 'int',
): Functions<T> {
  const declarations: Record<string, FFIFunction> = {};
  for (const [name, args] of Object.entries(functions)) {
    declarations[name] = { args: [...args], returns: returns === 'int' ? FFIType.i32 : FFIType.i64_fast };
  }
  return dlopen('libc.so.6', declarations).symbols as unknown as Functions<T>;
}

const { symbols: location } = dlopen('libc.so.6', { __errno_location: { args: [], returns: 'ptr' } });

/** errno of the call just made. Only valid before anything else runs on this thread. */
export function errno(): number {
  return read.i32(location.__errno_location()!, 0);
}

/** A NUL-terminated copy for a `ptr` argument. */
export function cstring(text: string): Buffer {
  if (text.includes('\0')) throw new KernelError('cstring', 22, text);
  return Buffer.from(`${text}\0`);
}

const names: Record<number, string> = {
  1: 'EPERM',
  2: 'ENOENT',
  3: 'ESRCH',
  4: 'EINTR',
  5: 'EIO',
  6: 'ENXIO',
  7: 'E2BIG',
  9: 'EBADF',
  10: 'ECHILD',
  11: 'EAGAIN',
  12: 'ENOMEM',
  13: 'EACCES',
  16: 'EBUSY',
  17: 'EEXIST',
  18: 'EXDEV',
  19: 'ENODEV',
  20: 'ENOTDIR',
  21: 'EISDIR',
  22: 'EINVAL',
  24: 'EMFILE',
  26: 'ETXTBSY',
  28: 'ENOSPC',
  30: 'EROFS',
  31: 'EMLINK',
  32: 'EPIPE',
  34: 'ERANGE',
  36: 'ENAMETOOLONG',
  38: 'ENOSYS',
  39: 'ENOTEMPTY',
  40: 'ELOOP',
  61: 'ENODATA',
  93: 'EPROTONOSUPPORT',
  95: 'EOPNOTSUPP',
  97: 'EAFNOSUPPORT',
  98: 'EADDRINUSE',
  99: 'EADDRNOTAVAIL',
  100: 'ENETDOWN',
  101: 'ENETUNREACH',
  105: 'ENOBUFS',
};

/** A system call that failed; `code` reads like Node's ("ENOENT"), so both kinds of error are handled alike. */
export class KernelError extends Error {
  readonly code: string;
  constructor(
    readonly call: string,
    readonly errno: number,
    readonly subject: string,
  ) {
    const code = names[errno] ?? `errno ${errno}`;
    super(`${call} ${subject}: ${code}`);
    this.name = 'KernelError';
    this.code = code;
  }
}

/** Passes a result through, or throws what errno says about it. */
export function check(result: number, call: string, subject: string): number {
  if (result < 0) throw new KernelError(call, errno(), subject);
  return result;
}
