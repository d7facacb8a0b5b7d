// Processes by descriptor: a pidfd can't hit a stranger that got the same number later.
import { watchDescriptor } from '../lib/socket.ts';
import { check, errno, KernelError, libc } from './libc.ts';

const c = libc({
  close: ['i32'],
  prlimit: ['i32', 'i32', 'ptr', 'ptr'],
  prctl: ['i32', 'u64', 'u64', 'u64', 'u64'],
});
const { syscall } = libc({ syscall: ['i64', 'i64', 'i64', 'i64', 'i64'] }, 'long');

const SYS_pidfd_send_signal = 424;
const SYS_pidfd_open = 434;
const ESRCH = 3;

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

  [Symbol.dispose](): void {
    if (this.#fd >= 0) c.close(this.#fd);
    this.#fd = -1;
  }
}

const PR_SET_PDEATHSIG = 1;

/** This process is killed when the one that started it ends, whatever it is doing. */
export function endWithParent(): void {
  check(c.prctl(PR_SET_PDEATHSIG, 9, 0, 0, 0), 'prctl', 'PR_SET_PDEATHSIG');
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
  watching.catch(finish);
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
