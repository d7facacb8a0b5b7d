// Sockets by descriptor: to hold a port, or to open one in a namespace that this thread only visits.
import { closeSync } from 'node:fs';
import { errno, KernelError, libc } from './libc.ts';

const c = libc({
  socket: ['i32', 'i32', 'i32'],
  bind: ['i32', 'ptr', 'u32'],
  connect: ['i32', 'ptr', 'u32'],
  listen: ['i32', 'i32'],
  shutdown: ['i32', 'i32'],
  setsockopt: ['i32', 'i32', 'i32', 'ptr', 'u32'],
  getsockname: ['i32', 'ptr', 'ptr'],
  epoll_create1: ['i32'],
  epoll_ctl: ['i32', 'i32', 'i32', 'ptr'],
});

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_RCVBUFFORCE = 33;
const EINPROGRESS = 115;
const IPPROTO_TCP = 6;
const IPPROTO_UDP = 17;
const IPPROTO_IPV6 = 41;
const IPPROTO_SCTP = 132;
const IPV6_V6ONLY = 26;
const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLLIN = 1;
const SHUT_RD = 0;
const ON = Buffer.from([1, 0, 0, 0]);
const OFF = Buffer.from([0, 0, 0, 0]);
const LARGE_BUFFER = Buffer.from(new Uint32Array([1024 * 1024]).buffer);

const PROTOCOLS = {
  tcp: [SOCK_STREAM, IPPROTO_TCP],
  udp: [SOCK_DGRAM, IPPROTO_UDP],
  sctp: [SOCK_STREAM, IPPROTO_SCTP],
} as const;

export interface SocketOptions {
  protocol: 'tcp' | 'udp' | 'sctp';
  /** In network byte order, 4 or 16 bytes. */
  address: Uint8Array;
  /** 0 lets the kernel choose. */
  port: number;
  reuseAddress?: boolean;
}

/** A bound descriptor, which belongs to the caller. */
export function bindSocket({ protocol, address, port, reuseAddress }: SocketOptions): number {
  const ipv6 = address.length === 16;
  const [type, number] = PROTOCOLS[protocol];
  const subject = `${protocol} port ${port}`;
  const fd = c.socket(ipv6 ? AF_INET6 : AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, number);
  if (fd < 0) throw new KernelError('socket', errno(), subject);
  try {
    // Each family is held on its own, so that the other may lead elsewhere.
    if (ipv6) must(c.setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, ON, 4), 'setsockopt', subject);
    if (reuseAddress) must(c.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, ON, 4), 'setsockopt', subject);
    const name = socketAddress(address, port);
    must(c.bind(fd, name, name.length), 'bind', subject);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/**
 * Like bindSocket for a TCP port, but what remains of closed connections there is no hindrance; any living socket is. Only
 * one socket can listen: by that the kernel finds the others. After it, the socket holds its port as any other.
 */
export function bindOverClosed(options: Omit<SocketOptions, 'protocol' | 'reuseAddress'>): number {
  const subject = `tcp port ${options.port}`;
  const fd = bindSocket({ ...options, protocol: 'tcp', reuseAddress: true });
  try {
    must(c.listen(fd, 1), 'listen', subject);
    must(c.shutdown(fd, SHUT_RD), 'shutdown', subject);
    must(c.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, OFF, 4), 'setsockopt', subject);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** A descriptor whose connection is under way: it can be written to when it is there. */
export function connectStream(address: Uint8Array, port: number, protocol: 'tcp' | 'sctp' = 'tcp'): number {
  const subject = `${protocol} port ${port}`;
  const [type, number] = PROTOCOLS[protocol];
  const fd = c.socket(address.length === 16 ? AF_INET6 : AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, number);
  if (fd < 0) throw new KernelError('socket', errno(), subject);
  const name = socketAddress(address, port);
  if (c.connect(fd, name, name.length) === 0) return fd;
  const code = errno();
  if (code === EINPROGRESS) return fd;
  closeSync(fd);
  throw new KernelError('connect', code, subject);
}

/** Room for many small datagrams that come at once. */
export function enlargeReceiveBuffer(fd: number): void {
  must(c.setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, LARGE_BUFFER, 4), 'setsockopt', 'SO_RCVBUFFORCE');
}

/** Its connections, once they are closed, will not keep the port from the next. */
export function listenOn(fd: number, backlog: number): void {
  must(c.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, ON, 4), 'setsockopt', 'SO_REUSEADDR');
  must(c.listen(fd, backlog), 'listen', 'socket');
}

export function portOf(fd: number): number {
  const name = Buffer.alloc(28);
  const length = Buffer.from([name.length, 0, 0, 0]);
  must(c.getsockname(fd, name, length), 'getsockname', 'socket');
  return name.readUInt16BE(2);
}

/**
 * A descriptor that is readable when this one is, and from which nothing can be read: whoever watches it learns that there
 * is something without taking it.
 */
export function readinessOf(fd: number): number {
  const poll = c.epoll_create1(EPOLL_CLOEXEC);
  must(poll, 'epoll_create1', 'socket');
  const event = Buffer.alloc(12);
  event.writeUInt32LE(EPOLLIN, 0);
  if (c.epoll_ctl(poll, EPOLL_CTL_ADD, fd, event) === 0) return poll;
  const code = errno();
  closeSync(poll);
  throw new KernelError('epoll_ctl', code, 'socket');
}

function must(result: number, call: string, subject: string): void {
  if (result < 0) throw new KernelError(call, errno(), subject);
}

function socketAddress(address: Uint8Array, port: number): Buffer {
  const ipv6 = address.length === 16;
  const bytes = Buffer.alloc(ipv6 ? 28 : 16);
  bytes.writeUInt16LE(ipv6 ? AF_INET6 : AF_INET, 0);
  bytes.writeUInt16BE(port, 2);
  bytes.set(address, ipv6 ? 8 : 4);
  return bytes;
}
