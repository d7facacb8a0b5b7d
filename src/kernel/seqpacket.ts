// SOCK_SEQPACKET connections whose messages begin with a byte that says what they are: many are received by one system call.
import { ptr } from 'bun:ffi';
import { readdirSync, readlinkSync } from 'node:fs';
import { check, cstring, errno, KernelError, libc } from './libc.ts';

const c = libc({
  close: ['i32'],
  open: ['ptr', 'i32', 'i32'],
  socket: ['i32', 'i32', 'i32'],
  connect: ['i32', 'ptr', 'u32'],
  fcntl: ['i32', 'i32', 'i32'],
  recvmmsg: ['i32', 'ptr', 'u32', 'i32', 'ptr'],
  getsockopt: ['i32', 'i32', 'i32', 'ptr', 'ptr'],
  setsockopt: ['i32', 'i32', 'i32', 'ptr', 'u32'],
});
const { syscall } = libc({ syscall: ['i64', 'i64', 'i64', 'i64'] }, 'long');

const AF_UNIX = 1;
const SOCK_SEQPACKET = 5;
const SOCK_CLOEXEC = 0o2000000;
const SOCK_NONBLOCK = 0o4000;
const O_PATH = 0o10000000;
const O_DIRECTORY = 0o200000;
const O_CLOEXEC = 0o2000000;
const F_DUPFD_CLOEXEC = 1030;
const MSG_DONTWAIT = 0x40;
const SYS_pidfd_open = 434;
const SYS_pidfd_getfd = 438;
const SOL_SOCKET = 1;
const SO_TYPE = 3;
const SO_SNDBUFFORCE = 32;
const EINTR = 4;
const EAGAIN = 11;
const ECONNRESET = 104;

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

/** A second descriptor of the same connection. */
export function duplicate(fd: number): number {
  return check(c.fcntl(fd, F_DUPFD_CLOEXEC, 0), 'dup', `descriptor ${fd}`);
}

const MESSAGES = 32;
const POINTER = 8;
/** `struct iovec` and `struct mmsghdr` on 64-bit machines. */
const VECTOR = 2 * POINTER;
const HEADER = 64;
const VECTORS_AT = 16;
const VECTOR_COUNT_AT = 24;
const LENGTH_AT = 56;

/** Where messages are received: one for all connections, because whoever takes them takes them at once. */
class Landing {
  readonly tags = Buffer.allocUnsafeSlow(MESSAGES);
  readonly bodies: Buffer;
  readonly headers = Buffer.alloc(MESSAGES * HEADER);
  readonly #vectors = Buffer.alloc(MESSAGES * 2 * VECTOR);

  constructor(readonly longest: number) {
    this.bodies = Buffer.allocUnsafeSlow(MESSAGES * longest);
    const vectors = ptr(this.#vectors);
    for (let index = 0; index < MESSAGES; index++) {
      const at = index * 2 * VECTOR;
      this.#setVector(at, ptr(this.tags) + index, 1);
      this.#setVector(at + VECTOR, ptr(this.bodies) + index * longest, longest);
      this.headers.writeBigUInt64LE(BigInt(vectors + at), index * HEADER + VECTORS_AT);
      this.headers.writeBigUInt64LE(2n, index * HEADER + VECTOR_COUNT_AT);
    }
  }

  #setVector(at: number, pointer: number, length: number): void {
    this.#vectors.writeBigUInt64LE(BigInt(pointer), at);
    this.#vectors.writeBigUInt64LE(BigInt(length), at + POINTER);
  }
}

/** conmon's messages have at most this much behind their tag. */
const LONGEST_BODY = 8192;
let landing: Landing | undefined;

/**
 * Receives what has come, up to 32 messages, without waiting. `deliver` gets the bodies of messages with the same tag that
 * follow each other as one; the memory is valid until it returns.
 */
export function receiveTagged(fd: number, deliver: (tag: number, data: Buffer) => void): 'some' | 'all' | 'ended' {
  landing ??= new Landing(LONGEST_BODY);
  const { headers, tags, bodies, longest } = landing;
  const count = receive(fd, headers);
  if (count === 0) return 'all';
  let start = 0;
  let end = 0;
  for (let index = 0; index < count; index++) {
    const length = headers.readUInt32LE(index * HEADER + LENGTH_AT);
    // There are no empty messages: this is the end, and will be so again.
    if (length === 0) {
      if (end > start) deliver(tags[index - 1]!, bodies.subarray(start, end));
      return 'ended';
    }
    if (index > 0 && tags[index] !== tags[index - 1]) {
      deliver(tags[index - 1]!, bodies.subarray(start, end));
      start = end;
    }
    const from = index * longest;
    if (end !== from) bodies.copyWithin(end, from, from + length - 1);
    end += length - 1;
  }
  deliver(tags[count - 1]!, bodies.subarray(start, end));
  return count < MESSAGES ? 'all' : 'some';
}

function receive(fd: number, headers: Buffer): number {
  for (;;) {
    const count = c.recvmmsg(fd, headers, MESSAGES, MSG_DONTWAIT, null);
    if (count >= 0) return count;
    const code = errno();
    if (code === EAGAIN) return 0;
    // Told once, when the peer left input unread: what it had sent can be received all the same.
    if (code !== EINTR && code !== ECONNRESET) throw new KernelError('recvmmsg', code, `descriptor ${fd}`);
  }
}

/**
 * Lets another process send so many bytes over its SEQPACKET connections before it has to wait. False where the kernel does not
 * allow it, or there is no such process.
 */
export function enlargeSendBuffers(pid: number, bytes: number): boolean {
  const process = syscall(SYS_pidfd_open, pid, 0, 0);
  if (process < 0) return false;
  try {
    const results = socketsOf(pid).map(theirs => enlargeSendBuffer(process, theirs, bytes));
    return results.includes(true);
  } finally {
    c.close(process);
  }
}

function socketsOf(pid: number): number[] {
  const directory = `/proc/${pid}/fd`;
  const isSocket = (fd: string) => attempt(() => readlinkSync(`${directory}/${fd}`))?.startsWith('socket:');
  return (attempt(() => readdirSync(directory)) ?? []).filter(isSocket).map(Number);
}

/** What a process has open may be gone when one looks, and so may the process. */
function attempt<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

function enlargeSendBuffer(process: number, theirs: number, bytes: number): boolean {
  const fd = syscall(SYS_pidfd_getfd, process, theirs, 0);
  if (fd < 0) return false;
  try {
    const value = Buffer.alloc(4);
    const length = Buffer.from([value.length, 0, 0, 0]);
    if (c.getsockopt(fd, SOL_SOCKET, SO_TYPE, value, length) < 0) return false;
    if (value.readUInt32LE() !== SOCK_SEQPACKET) return false;
    value.writeUInt32LE(bytes);
    return c.setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, value, value.length) === 0;
  } finally {
    c.close(fd);
  }
}
