// The registries that images come from and go to: sessions with them, and how much may go on at once.

import { setTimeout as wait } from 'node:timers/promises';
import type { Reference } from '../../../lib/reference.ts';
import { Semaphore } from '../../../lib/semaphore.ts';
import { type Endpoint, endpointsFor, type RegistryConfig } from '../../../registry/endpoints.ts';
import { ConnectionFailure, RegistryFailure } from '../../../registry/failures.ts';
import { Repository } from '../../../registry/repository.ts';
import { type Credentials, NO_CREDENTIALS, RegistrySession } from '../../../registry/session.ts';
import type { EngineConfig } from '../../config.ts';

const CERTIFICATES = '/etc/docker/certs.d';

/** What of an engine's configuration is about registries. */
export type TransferConfig = Pick<
  EngineConfig,
  | 'insecureRegistries'
  | 'registryMirrors'
  | 'proxies'
  | 'maxConcurrentDownloads'
  | 'maxConcurrentUploads'
  | 'maxDownloadAttempts'
>;

export class Registries {
  readonly downloads: Semaphore;
  readonly uploads: Semaphore;

  constructor(private readonly engine: TransferConfig) {
    this.downloads = new Semaphore(engine.maxConcurrentDownloads);
    this.uploads = new Semaphore(engine.maxConcurrentUploads);
  }

  get maxAttempts(): number {
    return this.engine.maxDownloadAttempts;
  }

  /** Read afresh each time: a reload may have changed it. */
  get config(): RegistryConfig {
    const { insecureRegistries, registryMirrors, proxies } = this.engine;
    return { insecureRegistries, registryMirrors, proxies, certificateDirectories: [CERTIFICATES] };
  }

  /** Mirrors first; credentials are only for the registry itself. */
  async forPull(reference: Reference, credentials: Credentials): Promise<Repository[]> {
    const endpoints = await endpointsFor(reference.domain, this.config, 'pull');
    return endpoints.map(endpoint => {
      const session = this.session(endpoint, endpoint.isMirror ? NO_CREDENTIALS : credentials);
      return new Repository(session, reference.path, 'pull');
    });
  }

  async forPush(reference: Reference, credentials: Credentials, sources: readonly string[]): Promise<Repository> {
    const [endpoint] = await endpointsFor(reference.domain, this.config, 'push');
    return new Repository(this.session(endpoint!, credentials), reference.path, 'push', sources);
  }

  session(endpoint: Endpoint, credentials: Credentials): RegistrySession {
    return new RegistrySession(endpoint, credentials, this.config);
  }
}

/** Does it with the first of these that can; what the last one says is what counts. */
export async function firstOf<T>(
  repositories: readonly Repository[],
  use: (repository: Repository) => Promise<T>,
): Promise<T> {
  for (const [index, repository] of repositories.entries()) {
    try {
      return await use(repository);
    } catch (error) {
      const mayFallBack = error instanceof RegistryFailure || error instanceof ConnectionFailure;
      if (!mayFallBack || index === repositories.length - 1) throw error;
    }
  }
  throw new Error('there is no registry to ask');
}

const FIRST_DELAY = 1000;
const MAX_DELAY = 60_000;

/** Another try may go better. */
export function isTemporary(error: unknown): boolean {
  return (error instanceof ConnectionFailure || error instanceof RegistryFailure) && error.isTemporary;
}

/** Milliseconds to wait after so many failures in a row, unless the registry says how long. */
export function delayAfter(failures: number, error: unknown): number {
  const asked = error instanceof RegistryFailure ? error.retryAfter : undefined;
  return Math.min(asked !== undefined ? asked * 1000 : FIRST_DELAY * 2 ** (failures - 1), MAX_DELAY);
}

/** Tries again what failed for a passing reason. `beforeWait` hears the seconds. */
export async function retrying<T>(
  attempts: number,
  signal: AbortSignal,
  beforeWait: (seconds: number) => void,
  work: () => Promise<T>,
): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      if (!isTemporary(error) || failures >= attempts) throw error;
      const delay = delayAfter(failures, error);
      beforeWait(Math.ceil(delay / 1000));
      await wait(delay, undefined, { signal });
    }
  }
}
