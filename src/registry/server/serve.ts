// The registry as a server: from listening to the end.
import { messageOf } from '../../lib/errors.ts';
import { log } from '../../lib/logger.ts';
import { BasicAuth } from './basic-auth.ts';
import { Handler } from './handler.ts';
import { Listener } from './listener.ts';
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
/** Whoever renews certificates need not know us. */
const RENEWING_MS = 60_000;
const STOP_PATIENCE_MS = 10_000;

export async function serveRegistry(options: ServeOptions): Promise<RunningRegistry> {
  const { hostname, port, root, htpasswd, tls, readOnly } = options;
  const auth = htpasswd === undefined ? undefined : new BasicAuth(htpasswd);
  await auth?.load();
  const store = new RegistryStore(root);
  try {
    const origin = options.origin && (await Origin.open(store, options.origin));
    const handler = new Handler({ store, auth, readOnly, origin });
    await removeOldUploads(store);
    const listener = new Listener({ hostname, port, tls, handle: request => handler.handle(request) });
    const cleaning = setInterval(() => void removeOldUploads(store), CLEANING_MS);
    const renewing = tls && setInterval(() => listener.renew(), RENEWING_MS);
    const renew = () => listener.renew();
    process.on('SIGHUP', renew);
    let stopped: Promise<void> | undefined;
    const stop = async () => {
      clearInterval(cleaning);
      clearInterval(renewing);
      process.off('SIGHUP', renew);
      await listener.stop(Bun.sleep(STOP_PATIENCE_MS));
      store[Symbol.dispose]();
    };
    const once = () => {
      stopped ??= stop();
      return stopped;
    };
    return { url: listener.url, store, stop: once, [Symbol.asyncDispose]: once };
  } catch (error) {
    store[Symbol.dispose]();
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
