// Sockets that somebody else made and listens on (socket activation). Bun listens only on its own, so connections are
// accepted here, and a signal tells when there are some.
import { check, errno, KernelError, libc } from './libc.ts';

const { accept4, fcntl } = libc({ accept4: ['i32', 'ptr', 'ptr', 'i32'], fcntl: ['i32', 'i32', 'i32'] });

const SOCK_CLOEXEC = 0o2000000;
const SOCK_NONBLOCK = 0o4000;
const F_SETFD = 2;
const F_GETFL = 3;
const F_SETFL = 4;
const F_SETOWN = 8;
const FD_CLOEXEC = 1;
const O_NONBLOCK = 0o4000;
const O_ASYNC = 0o20000;
const EAGAIN = 11;
/** The connection ended before anyone took it: not our problem. */
const ECONNABORTED = 103;
const EINTR = 4;

/** From now on this process gets SIGIO when a connection waits. */
export function notifyOfConnections(fd: number): void {
  control(fd, F_SETFD, FD_CLOEXEC);
  control(fd, F_SETOWN, process.pid);
  control(fd, F_SETFL, control(fd, F_GETFL, 0) | O_NONBLOCK | O_ASYNC);
}

/** The connections that wait, as descriptors that the caller owns. */
export function acceptWaiting(fd: number): number[] {
  const accepted: number[] = [];
  for (;;) {
    const connection = accept4(fd, null, null, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (connection >= 0) {
      accepted.push(connection);
      continue;
    }
    const number = errno();
    if (number === EAGAIN) return accepted;
    if (number !== ECONNABORTED && number !== EINTR) throw new KernelError('accept4', number, String(fd));
  }
}

const control = (fd: number, command: number, argument: number) =>
  check(fcntl(fd, command, argument), 'fcntl', String(fd));
