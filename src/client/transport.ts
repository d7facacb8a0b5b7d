// Connections to an engine: unix socket, tcp, tcp with TLS, and ssh. Each kind is loaded when it is used.
import { errnoOf } from '../lib/errors.ts';
import type { Duplex } from '../lib/streams.ts';
import type { Endpoint } from './endpoint.ts';
import { ConnectionError } from './errors.ts';

/** A connection that can hand over everything it has read at once. */
export interface Connection extends Duplex {
  takeAll(): Promise<Uint8Array[]>;
  readonly isClosed: boolean;
  /** What broke it, if something did. */
  readonly failure?: Error | undefined;
}

/** Opens one connection. Rejects with ConnectionError. */
export type Dial = () => Promise<Connection>;

export function dialer(endpoint: Endpoint): Dial {
  const { address, tls } = endpoint;
  switch (address.kind) {
    case 'unix':
      return async () => {
        const { connectSocket } = await import('../lib/socket.ts');
        return connectSocket({ unix: address.path }).catch(error => refused(endpoint, error));
      };
    case 'tcp':
      if (tls) return async () => (await import('./tls.ts')).dialTls(address, tls, endpoint.host);
      return async () => {
        const { connectSocket } = await import('../lib/socket.ts');
        const { hostname, port } = address;
        return connectSocket({ hostname, port }).catch(error => refused(endpoint, error));
      };
    case 'ssh':
      return async () => (await import('./ssh.ts')).dialSsh(address);
  }
}

function refused(endpoint: Endpoint, error: unknown): never {
  const code = errnoOf(error);
  if (code === 'EACCES' || code === 'EPERM') {
    throw new ConnectionError(
      `permission denied while trying to connect to the Docker daemon socket at ${endpoint.host}`,
      error,
    );
  }
  throw new ConnectionError(
    `Cannot connect to the Docker daemon at ${endpoint.host}. Is the docker daemon running?`,
    error,
  );
}
