// Where the registry listens. A renewed certificate takes effect without an end of the process: the sockets are replaced.
import { readFileSync } from 'node:fs';
import { errnoOf, failed, messageOf } from '../../lib/errors.ts';
import { log } from '../../lib/logger.ts';

export interface ListenOptions {
  hostname: string;
  port: number;
  tls?: { certificate: string; key: string };
  handle(request: Request): Promise<Response>;
}

interface Identity {
  cert: Buffer;
  key: Buffer;
}

export class Listener {
  #identity: Identity | undefined;
  #server: Bun.Server<undefined>;
  /** Earlier ones that have requests under way. */
  readonly #leaving = new Set<Bun.Server<undefined>>();

  constructor(private readonly options: ListenOptions) {
    const { hostname, port } = options;
    this.#identity = this.#read();
    try {
      this.#server = this.#serve(port);
    } catch (error) {
      if (errnoOf(error) !== 'EADDRINUSE') throw error;
      throw failed(`could not listen on ${hostname}:${port}: the address is in use`, error);
    }
  }

  get url(): string {
    const { hostname } = this.options;
    const host = hostname.includes(':') ? `[${hostname}]` : hostname;
    return `${this.#identity ? 'https' : 'http'}://${host}:${this.#server.port}`;
  }

  /** Takes up a certificate that has changed; one that makes no sense changes nothing. */
  renew(): void {
    const before = this.#identity;
    try {
      const now = this.#read();
      if (!before || !now || (before.cert.equals(now.cert) && before.key.equals(now.key))) return;
      check(now);
      this.#replace(now);
      log.info('the certificate is a new one', { certificate: this.options.tls?.certificate });
    } catch (error) {
      log.warn('the certificate stays as it is', { error: messageOf(error) });
    }
  }

  #replace(identity: Identity): void {
    const old = this.#server;
    const port = old.port!;
    // It lets go of the port at once, and of its last request when that is over.
    this.#leaving.add(old);
    void old.stop(false).then(() => this.#leaving.delete(old));
    this.#identity = identity;
    this.#server = this.#serve(port);
  }

  async stop(patience: Promise<void>): Promise<void> {
    const all = [this.#server, ...this.#leaving];
    await Promise.race([Promise.all(all.map(server => server.stop(false))), patience]);
    await Promise.all(all.map(server => server.stop(true)));
  }

  #read(): Identity | undefined {
    const { tls } = this.options;
    return tls && { cert: readFileSync(tls.certificate), key: readFileSync(tls.key) };
  }

  #serve(port: number): Bun.Server<undefined> {
    const { hostname, handle } = this.options;
    return Bun.serve({
      hostname,
      port,
      ...(this.#identity && { tls: this.#identity }),
      // Layers are as large as they are, and a slow line is no reason to cut it.
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      idleTimeout: 0,
      development: false,
      fetch: handle,
    });
  }
}

/** Throws unless a server could be what these say. */
function check({ cert, key }: Identity): void {
  const trial = Bun.serve({ hostname: '127.0.0.1', port: 0, tls: { cert, key }, fetch: () => new Response() });
  void trial.stop(true);
}
