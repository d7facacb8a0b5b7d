// The registry as a server: from listening to the end.
import { readFileSync } from 'node:fs';
import { errnoOf, failed, messageOf } from '../../lib/errors.ts';
import { log } from '../../lib/logger.ts';
import { BasicAuth } from './basic-auth.ts';
import { Handler } from './handler.ts';
import { Origin, type OriginOptions } from './origin.ts';
import { RegistryStore } from './store.ts';

export interface ServeOptions {
  hostname: string;
  port: number;
  root: string;
  htpasswd?: string;
  tls?: { certificate: string; key: string };
  origin?: OriginOptions;
  readOnly?: boolean;
}

export interface RunningRegistry extends AsyncDisposable {
  readonly url: string;
  readonly store: RegistryStore;
  /** Requests under way may finish for a while. */
  stop(): Promise<void>;
}

const CLEANING_MS = 6 * 3600_000;
const STOP_PATIENCE_MS = 10_000;

export async function serveRegistry(options: ServeOptions): Promise<RunningRegistry> {
  const { hostname, port, root, htpasswd, tls, readOnly } = options;
  const auth = htpasswd === undefined ? undefined : new BasicAuth(htpasswd);
  await auth?.load();
  const files = tls && { cert: readFileSync(tls.certificate), key: readFileSync(tls.key) };
  const store = new RegistryStore(root);
  try {
    const origin = options.origin && (await Origin.open(store, options.origin));
    const handler = new Handler({ store, auth, readOnly, origin });
    await removeOldUploads(store);
    const server = Bun.serve({
      hostname,
      port,
      ...(files && { tls: files }),
      // Layers are as large as they are, and a slow line is no reason to cut it.
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      idleTimeout: 0,
      development: false,
      fetch: request => handler.handle(request),
    });
    const cleaning = setInterval(() => void removeOldUploads(store), CLEANING_MS);
    let stopped: Promise<void> | undefined;
    const stop = async () => {
      clearInterval(cleaning);
      const patience = Bun.sleep(STOP_PATIENCE_MS);
      await Promise.race([server.stop(false), patience]);
      await server.stop(true);
      store[Symbol.dispose]();
    };
    const once = () => {
      stopped ??= stop();
      return stopped;
    };
    const url = `${files ? 'https' : 'http'}://${hostname.includes(':') ? `[${hostname}]` : hostname}:${server.port}`;
    return { url, store, stop: once, [Symbol.asyncDispose]: once };
  } catch (error) {
    store[Symbol.dispose]();
    if (errnoOf(error) === 'EADDRINUSE') {
      throw failed(`could not listen on ${hostname}:${port}: the address is in use`, error);
    }
    throw error;
  }
}

async function removeOldUploads(store: RegistryStore): Promise<void> {
  try {
    const removed = await store.uploads.removeOld();
    if (removed > 0) log.info('removed uploads that nobody went on with', { removed });
  } catch (error) {
    log.warn('could not remove old uploads', { error: messageOf(error) });
  }
}
