// Processes by descriptor: a pidfd can't hit a stranger that got the same number later.
import { watchDescriptor } from '../lib/socket.ts';
import { check, cstring, errno, KernelError, libc } from './libc.ts';

const c = libc({
  close: ['i32'],
  open: ['ptr', 'i32', 'i32'],
  socket: ['i32', 'i32', 'i32'],
  connect: ['i32', 'ptr', 'u32'],
  prlimit: ['i32', 'i32', 'ptr', 'ptr'],
  poll: ['ptr', 'u64', 'i32'],
});
const { syscall } = libc({ syscall: ['i64', 'i64', 'i64', 'i64', 'i64'] }, 'long');

const SYS_pidfd_send_signal = 424;
const SYS_pidfd_open = 434;
const ESRCH = 3;
const POLLIN = 1;

export class ProcessHandle implements Disposable {
  #fd: number;

  private constructor(
    readonly pid: number,
    fd: number,
  ) {
    this.#fd = fd;
  }

  /** Undefined when there is no such process. */
  static open(pid: number): ProcessHandle | undefined {
    const fd = syscall(SYS_pidfd_open, pid, 0, 0, 0);
    if (fd < 0) {
      const code = errno();
      if (code === ESRCH) return undefined;
      throw new KernelError('pidfd_open', code, String(pid));
    }
    return new ProcessHandle(pid, fd);
  }

  /** False when the process is gone. Signal 0 only asks. */
  signal(signal: number): boolean {
    if (this.#fd < 0) return false;
    if (syscall(SYS_pidfd_send_signal, this.#fd, signal, 0, 0) === 0) return true;
    const code = errno();
    if (code === ESRCH) return false;
    throw new KernelError('pidfd_send_signal', code, `${this.pid}`);
  }

  /** Holds up the whole process: only for one that has been killed, and whose sockets are needed at once. */
  waitForEnd(milliseconds: number): boolean {
    const watched = Buffer.alloc(8);
    watched.writeInt32LE(this.#fd, 0);
    watched.writeInt16LE(POLLIN, 4);
    return c.poll(watched, 1, milliseconds) === 1;
  }

  [Symbol.dispose](): void {
    if (this.#fd >= 0) c.close(this.#fd);
    this.#fd = -1;
  }
}

/** Calls back once when the process ends, or at the next chance if it is gone already. Returns what calls that off. */
export function onProcessEnd(pid: number, ended: () => void): () => void {
  const fd = syscall(SYS_pidfd_open, pid, 0, 0, 0);
  if (fd < 0) {
    const code = errno();
    if (code !== ESRCH) throw new KernelError('pidfd_open', code, String(pid));
    const timer = setTimeout(ended, 0);
    return () => clearTimeout(timer);
  }
  let over = false;
  const finish = () => {
    if (over) return;
    over = true;
    ended();
  };
  // A pidfd becomes readable at the end, though there is nothing to read from it: the event loop takes that for a failure.
  const watching = watchDescriptor(fd, { data() {}, end: finish, close: finish, error: finish });
  return () => {
    over = true;
    watching.then(
      socket => socket.terminate(),
      () => undefined,
    );
  };
}

const RLIMIT_NOFILE = 7;
const UNLIMITED = (1n << 64n) - 1n;

/** Limits the descriptors of another process; -1 is unlimited. */
export function limitOpenFiles(pid: number, { soft, hard }: { soft: number; hard: number }): void {
  const limit = new BigUint64Array([soft, hard].map(value => (value < 0 ? UNLIMITED : BigInt(value))));
  check(c.prlimit(pid, RLIMIT_NOFILE, limit, null), 'prlimit', String(pid));
}

const AF_UNIX = 1;
const SOCK_SEQPACKET = 5;
const SOCK_CLOEXEC = 0o2000000;
const SOCK_NONBLOCK = 0o4000;
const O_PATH = 0o10000000;
const O_DIRECTORY = 0o200000;
const O_CLOEXEC = 0o2000000;

/**
 * Connects to a SOCK_SEQPACKET socket and returns its descriptor. The directory is opened first and the socket named
 * through it, because a socket's path may be at most 107 bytes.
 */
export function connectSeqpacket(directory: string, name: string): number {
  const dir = check(c.open(cstring(directory), O_PATH | O_DIRECTORY | O_CLOEXEC, 0), 'open', directory);
  try {
    const fd = check(c.socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), 'socket', 'AF_UNIX');
    const address = Buffer.alloc(110);
    address.writeUInt16LE(AF_UNIX, 0);
    const length = address.write(`/proc/self/fd/${dir}/${name}`, 2);
    if (c.connect(fd, address, 2 + length + 1) < 0) {
      const code = errno();
      c.close(fd);
      throw new KernelError('connect', code, `${directory}/${name}`);
    }
    return fd;
  } finally {
    c.close(dir);
  }
}
