// Socket activation: listening sockets that the service manager made and handed over (LISTEN_FDS).
import { acceptWaiting, notifyOfConnections } from '../kernel/listening-socket.ts';
import { failed, messageOf } from '../lib/errors.ts';
import { log } from '../lib/logger.ts';
import { connectSocket, type SocketDuplex } from '../lib/socket.ts';

const FIRST = 3;

type Environment = Readonly<Record<string, string | undefined>>;

/** The descriptors that `fd://` means: all of them, or the one with that number or name. */
export function activatedSockets(which: string, environment: Environment, pid: number): number[] {
  const count = Number(environment['LISTEN_FDS'] ?? 0);
  if (environment['LISTEN_PID'] !== String(pid) || !(count > 0)) {
    throw failed('no sockets found via socket activation: make sure the service was started by systemd');
  }
  const all = Array.from({ length: count }, (_, index) => FIRST + index);
  if (which === '' || which === '*') return all;
  const names = (environment['LISTEN_FDNAMES'] ?? '').split(':');
  const found = all.filter((fd, index) => String(fd) === which || names[index] === which);
  if (found.length === 0) throw failed(`no socket ${which} found via socket activation: there are ${all.join(', ')}`);
  return found;
}

/** Hands over every connection that comes in. Returns what ends it. */
export function serveActivated(sockets: readonly number[], accept: (stream: SocketDuplex) => void): () => void {
  const acceptAll = () => {
    for (const socket of sockets) for (const fd of acceptWaiting(socket)) void adopt(fd, accept);
  };
  process.on('SIGIO', acceptAll);
  for (const socket of sockets) notifyOfConnections(socket);
  // Those who came before the signal was asked for.
  acceptAll();
  return () => void process.off('SIGIO', acceptAll);
}

async function adopt(fd: number, accept: (stream: SocketDuplex) => void): Promise<void> {
  try {
    accept(await connectSocket({ fd }));
  } catch (error) {
    log.warn('could not take a connection over', { error: messageOf(error) });
  }
}
