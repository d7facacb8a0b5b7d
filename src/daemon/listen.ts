// Opens every host the daemon was told to listen on, or none of them.

import type { ExchangeOptions } from '../api/http/exchange.ts';
import { HttpServer } from '../api/http/server.ts';
import { failed, messageOf } from '../lib/errors.ts';
import { log } from '../lib/logger.ts';
import { activatedSockets, serveActivated } from './activation.ts';
import { describeHost, type Host } from './hosts.ts';
import { listenOptions, type TlsIdentity } from './tls.ts';
import { clearSocketPath, listenOwned } from './unix-socket.ts';

export interface Listening {
  /** No new clients; requests under way get `graceMs` to finish. */
  close(graceMs: number): Promise<void>;
}

export interface ListenRequest {
  hosts: readonly Host[];
  tls: TlsIdentity | undefined;
  group: { name: string; asked: boolean };
}

export async function listen(request: ListenRequest, options: ExchangeOptions): Promise<Listening> {
  const server = new HttpServer(options);
  const stops: (() => void)[] = [];
  const close = async (graceMs: number) => {
    for (const stop of stops) stop();
    await server.close(graceMs);
  };
  try {
    for (const host of request.hosts) {
      const stop = await open(server, host, request);
      if (stop) stops.push(stop);
    }
  } catch (error) {
    await close(0);
    throw error;
  }
  return { close };
}

async function open(server: HttpServer, host: Host, { tls, group }: ListenRequest): Promise<(() => void) | undefined> {
  switch (host.kind) {
    case 'unix':
      await clearSocketPath(host.path);
      listenOwned(host.path, group, () => server.listen(host));
      log.info(`API listen on ${host.path}`);
      return undefined;
    case 'tcp': {
      const port = listenTcp(server, host, tls);
      log.info(`API listen on ${describeHost({ ...host, port })}`);
      return undefined;
    }
    case 'fd': {
      if (tls)
        throw failed(
          'sockets of the service manager (fd://) are served without TLS here; use unix:// or tcp:// with it',
        );
      const sockets = activatedSockets(host.which, process.env, process.pid);
      log.info(`API listen on ${sockets.map(fd => `fd ${fd}`).join(', ')}`);
      return serveActivated(sockets, stream => server.accept(stream));
    }
  }
}

function listenTcp(server: HttpServer, host: Host & { kind: 'tcp' }, tls: TlsIdentity | undefined): number {
  try {
    const port = server.listen({ ...host, tls: tls && listenOptions(tls) });
    if (port === undefined) throw new Error('no port');
    return port;
  } catch (error) {
    throw failed(`can't listen on tcp://${describeHost(host)}: ${messageOf(error)}`, error);
  }
}
