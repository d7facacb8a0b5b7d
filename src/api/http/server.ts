// Listens, and keeps account of who is connected.
import type { TLSOptions } from 'bun';
import { listenHandlers, type SocketDuplex } from '../../lib/socket.ts';
import { Connection } from './connection.ts';
import type { ExchangeOptions } from './exchange.ts';

export type ListenAddress =
  | { kind: 'unix'; path: string }
  | { kind: 'tcp'; hostname: string; port: number; tls?: TLSOptions };

const KEEP_ALIVE_MS = 15_000;

export class HttpServer {
  readonly #listeners: { stop(closeActive?: boolean): void; port?: number }[] = [];
  readonly #connections = new Map<Connection, Promise<void>>();
  #closed: Promise<void> | undefined;

  constructor(private readonly options: ExchangeOptions) {}

  /** Returns the port of a TCP listener (what was chosen, if 0 was asked for). */
  listen(address: ListenAddress): number | undefined {
    const handlers = listenHandlers(stream => this.accept(stream));
    if (address.kind === 'tcp') {
      const { hostname, port, tls } = address;
      const listener = Bun.listen<SocketDuplex>({
        hostname,
        port,
        tls,
        allowHalfOpen: true,
        socket: {
          ...handlers,
          open(socket) {
            socket.setNoDelay(true);
            // Half of the clients that vanish say no word; the kernel finds out.
            socket.setKeepAlive(true, KEEP_ALIVE_MS);
            return handlers.open?.(socket);
          },
        },
      });
      this.#listeners.push(listener);
      return listener.port;
    }
    this.#listeners.push(Bun.listen<SocketDuplex>({ unix: address.path, allowHalfOpen: true, socket: handlers }));
    return undefined;
  }

  /** Also for connections that were accepted elsewhere. */
  accept(stream: SocketDuplex): void {
    const connection = new Connection(stream, this.options);
    this.#connections.set(
      connection,
      connection.run().finally(() => this.#connections.delete(connection)),
    );
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** No new clients; requests under way may finish for `graceMs`, then they are cut off. May be called twice. */
  close(graceMs: number): Promise<void> {
    this.#closed ??= this.#close(graceMs);
    return this.#closed;
  }

  async #close(graceMs: number): Promise<void> {
    for (const listener of this.#listeners) listener.stop(false);
    for (const connection of this.#connections.keys()) connection.close();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const patience = new Promise<void>(resolve => {
      timer = setTimeout(resolve, graceMs);
    });
    await Promise.race([Promise.all(this.#connections.values()), patience]);
    // What still runs has nobody left to answer to.
    for (const connection of this.#connections.keys()) connection.destroy();
    clearTimeout(timer);
  }
}
