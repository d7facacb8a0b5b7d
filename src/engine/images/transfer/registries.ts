// The registries that images come from and go to: sessions with them, and how much may go on at once.

import type { Reference } from '../../../lib/reference.ts';
import { Semaphore } from '../../../lib/semaphore.ts';
import { type Endpoint, endpointsFor, type RegistryConfig } from '../../../registry/endpoints.ts';
import { ConnectionFailure, RegistryFailure } from '../../../registry/failures.ts';
import { Repository } from '../../../registry/repository.ts';
import { type RetryPolicy, retrying } from '../../../registry/retry.ts';
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
    this.downloads = new Semaphore(() => engine.maxConcurrentDownloads);
    this.uploads = new Semaphore(() => engine.maxConcurrentUploads);
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
  async forPull(reference: Reference, credentials: Credentials, onWait?: RetryPolicy['onWait']): Promise<Repository[]> {
    const endpoints = await endpointsFor(reference.domain, this.config, 'pull');
    // With mirrors the next one comes first, and waiting only after the last: see `firstOf`.
    const retry = { attempts: endpoints.length === 1 ? this.maxAttempts : 1, onWait };
    return endpoints.map(endpoint => {
      const session = this.session(endpoint, endpoint.isMirror ? NO_CREDENTIALS : credentials);
      return new Repository(session, reference.path, 'pull', { retry });
    });
  }

  /** With the first of the repositories that `forPull` gave that can; if none can for a passing reason, with all again. */
  firstOf<T>(
    repositories: readonly Repository[],
    signal: AbortSignal,
    use: (repository: Repository) => Promise<T>,
    onWait?: RetryPolicy['onWait'],
  ): Promise<T> {
    const attempts = repositories.length === 1 ? 1 : this.maxAttempts;
    return retrying({ attempts, onWait }, signal, () => firstThatCan(repositories, use));
  }

  /** The same for what is read piece by piece: `progress` tells how much of it came. */
  reading(
    repositories: readonly Repository[],
    signal: AbortSignal,
    use: (repository: Repository) => Promise<void>,
    progress: () => number,
    onWait: RetryPolicy['onWait'],
  ): Promise<void> {
    const policy = { attempts: this.maxAttempts, onWait };
    return retrying(policy, signal, () => firstThatCan(repositories, use), progress);
  }

  async forPush(reference: Reference, credentials: Credentials, sources: readonly string[]): Promise<Repository> {
    const [endpoint] = await endpointsFor(reference.domain, this.config, 'push');
    const retry = { attempts: this.maxAttempts };
    return new Repository(this.session(endpoint!, credentials), reference.path, 'push', { sources, retry });
  }

  session(endpoint: Endpoint, credentials: Credentials): RegistrySession {
    return new RegistrySession(endpoint, credentials, this.config);
  }
}

/** Does it with the first of these that can; what the last one says is what counts. */
async function firstThatCan<T>(
  repositories: readonly Repository[],
  use: (repository: Repository) => Promise<T>,
): Promise<T> {
  let passing: unknown;
  for (const [index, repository] of repositories.entries()) {
    try {
      return await use(repository);
    } catch (error) {
      if (!(error instanceof RegistryFailure || error instanceof ConnectionFailure)) throw error;
      if (index < repositories.length - 1) passing ??= error.isTemporary ? error : undefined;
      // Where nobody can reach the registry itself, what is wrong with its mirror tells more.
      else throw (error instanceof ConnectionFailure && !error.isTemporary && passing) || error;
    }
  }
  throw new Error('there is no registry to ask');
}
