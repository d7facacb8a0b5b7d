// Paths of somebody else's root directory: every lookup happens inside it, whatever its symbolic links and '..' say.
// The kernel does the walking (openat2 with RESOLVE_IN_ROOT), so there is no race with the container changing the tree.
import { closeSync, constants, fstatSync, readlinkSync, type Stats } from 'node:fs';
import { check, cstring, errno, KernelError, libc } from './libc.ts';

// `syscall` has no wrapper in libc for openat2; 437 is its number on every architecture.
const SYS_openat2 = 437;
const RESOLVE_NO_MAGICLINKS = 0x02;
const RESOLVE_IN_ROOT = 0x10;

export const O_PATH = 0o10000000;
export const O_CLOEXEC = 0o2000000;

const EEXIST = 17;
const EAGAIN = 11;
const EINTR = 4;
/** As the kernel: more links than this in one path is a loop. */
const MAX_LINKS = 40;
/** The kernel answers EAGAIN when a rename elsewhere made it unsure about a '..'; that passes. */
const MAX_TRIES = 128;

const { syscall, readlinkat } = libc(
  {
    syscall: ['i64', 'i32', 'ptr', 'ptr', 'u64'],
    readlinkat: ['i32', 'ptr', 'ptr', 'u64'],
  },
  'long',
);
const { open, mkdirat, fchownat } = libc({
  open: ['ptr', 'i32', 'u32'],
  mkdirat: ['i32', 'ptr', 'u32'],
  fchownat: ['i32', 'ptr', 'u32', 'u32', 'i32'],
});

/** A directory that is the root of every path given to it. Owns one file descriptor. */
export class RootDirectory implements Disposable {
  readonly #fd: number;
  #open = true;

  constructor(readonly path: string) {
    const flags = O_PATH | constants.O_DIRECTORY | O_CLOEXEC;
    this.#fd = check(open(cstring(path), flags, 0), 'open', path);
  }

  /** Opens like open(2), O_CLOEXEC added. The caller owns the descriptor. */
  open(path: string, flags: number, mode = 0): number {
    const creates = (flags & constants.O_CREAT) !== 0;
    const how = new BigUint64Array([
      BigInt(flags | O_CLOEXEC),
      BigInt(creates ? mode : 0),
      BigInt(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS),
    ]);
    const name = cstring(path === '' ? '.' : path);
    for (let tries = 1; ; tries++) {
      const fd = syscall(SYS_openat2, this.#fd, name, how, how.byteLength);
      if (fd >= 0) return fd;
      const code = errno();
      if ((code !== EAGAIN && code !== EINTR) || tries === MAX_TRIES) throw new KernelError('openat2', code, path);
    }
  }

  /** Gives `use` a descriptor that only names the file (O_PATH), and closes it afterwards. */
  #at<T>(path: string, flags: number, use: (fd: number) => T): T {
    const fd = this.open(path, O_PATH | flags);
    try {
      return use(fd);
    } finally {
      closeSync(fd);
    }
  }

  /** A symbolic link as the last part of the path is followed. */
  stat(path: string): Stats {
    return this.#at(path, 0, fd => fstatSync(fd));
  }

  lstat(path: string): Stats {
    return this.#at(path, constants.O_NOFOLLOW, fd => fstatSync(fd));
  }

  readlink(path: string): string {
    return this.#at(path, constants.O_NOFOLLOW, fd => {
      const target = Buffer.alloc(4096);
      const length = check(readlinkat(fd, cstring(''), target, target.length), 'readlink', path);
      return target.toString('utf8', 0, length);
    });
  }

  /** Where a path leads to, seen from this root ('/etc/passwd'). Everything on the way must exist. */
  resolve(path: string): string {
    const base = readlinkSync(`/proc/self/fd/${this.#fd}`);
    const target = this.#at(path, 0, fd => readlinkSync(`/proc/self/fd/${fd}`));
    if (base === '/') return target;
    if (target !== base && !target.startsWith(`${base}/`)) throw new KernelError('resolve', 18, path);
    return target.slice(base.length) || '/';
  }

  /**
   * Makes a directory and all that miss above it, through symbolic links that dangle too. Those it makes get the mode
   * (less the umask) and the owner; true if any was made.
   */
  mkdirAll(path: string, mode: number, owner?: { uid: number; gid: number }): boolean {
    const rest = path.split('/').reverse();
    let at = '';
    let made = false;
    for (let links = 0; rest.length > 0; ) {
      const name = rest.pop()!;
      if (name === '' || name === '.') continue;
      if (name === '..') {
        at = at.slice(0, Math.max(0, at.lastIndexOf('/')));
        continue;
      }
      const link = this.#at(at, constants.O_DIRECTORY, parent => {
        if (mkdirat(parent, cstring(name), mode) === 0) {
          made = true;
          if (owner) check(fchownat(parent, cstring(name), owner.uid, owner.gid, 0x100), 'chown', `${at}/${name}`);
          return undefined;
        }
        if (errno() !== EEXIST) throw new KernelError('mkdir', errno(), `${at}/${name}`);
        return this.#linkTarget(`${at}/${name}`);
      });
      if (link === undefined) {
        at = `${at}/${name}`;
        continue;
      }
      if (++links > MAX_LINKS) throw new KernelError('mkdir', 40, path);
      if (link.startsWith('/')) at = '';
      rest.push(...link.split('/').reverse());
    }
    // The last part may have been there already as something else.
    this.#at(at, constants.O_DIRECTORY, () => undefined);
    return made;
  }

  #linkTarget(path: string): string | undefined {
    return this.lstat(path).isSymbolicLink() ? this.readlink(path) : undefined;
  }

  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.#fd);
  }
}
