// Network namespaces. This thread visits them: what happens inside a visit is synchronous and short, because a thread that
// the JavaScript engine starts meanwhile would be born there.
import { closeSync, openSync } from 'node:fs';
import { check, errno, KernelError, libc } from './libc.ts';

const { unshare, setns } = libc({ unshare: ['i32'], setns: ['i32', 'i32'] });

const CLONE_NEWNET = 0x40000000;
const THREAD_NAMESPACE = '/proc/thread-self/ns/net';

let host: number | undefined;

function hostNamespace(): number {
  host ??= openSync(THREAD_NAMESPACE, 'r');
  return host;
}

function returnToHost(): void {
  if (setns(hostNamespace(), CLONE_NEWNET) === 0) return;
  // Every later system call of this process would act on a container's network.
  const code = errno();
  console.error(`cannot leave a container's network namespace (errno ${code})`);
  process.abort();
}

/** A namespace lives as long as a process or a descriptor is in it: when the last one goes, so do its interfaces. */
export class NetworkNamespace implements Disposable {
  #fd: number;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** `inside` runs in the new namespace before anybody else can. */
  static create<T>(inside: () => T): { namespace: NetworkNamespace; result: T } {
    hostNamespace();
    check(unshare(CLONE_NEWNET), 'unshare', 'network namespace');
    let fd = -1;
    try {
      fd = openSync(THREAD_NAMESPACE, 'r');
      return { namespace: new NetworkNamespace(fd), result: inside() };
    } catch (error) {
      if (fd >= 0) closeSync(fd);
      throw error;
    } finally {
      returnToHost();
    }
  }

  static open(path: string): NetworkNamespace {
    return new NetworkNamespace(openSync(path, 'r'));
  }

  /** For requests that name a namespace by its descriptor. */
  get descriptor(): number {
    if (this.#fd < 0) throw new KernelError('descriptor', 9, 'closed network namespace');
    return this.#fd;
  }

  /** Good for as long as this object is open, for other processes too. */
  get path(): string {
    return `/proc/${process.pid}/fd/${this.#fd}`;
  }

  visit<T>(work: () => T): T {
    const { descriptor } = this;
    hostNamespace();
    check(setns(descriptor, CLONE_NEWNET), 'setns', 'network namespace');
    try {
      return work();
    } finally {
      returnToHost();
    }
  }

  [Symbol.dispose](): void {
    if (this.#fd < 0) return;
    closeSync(this.#fd);
    this.#fd = -1;
  }
}
