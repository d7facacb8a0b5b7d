// A registry that this one is a cache of. What was fetched once stays; whether a tag still means the same is asked for
// every time, and if the origin does not answer, what we have is given.

import { invalid, messageOf } from '../../lib/errors.ts';
import type { Digest } from '../../lib/ids.ts';
import { log } from '../../lib/logger.ts';
import { SharedTasks } from '../../lib/shared-tasks.ts';
import { type Endpoint, environmentProxies, isInsecure, type RegistryConfig } from '../endpoints.ts';
import { failureOf, RegistryFailure } from '../failures.ts';
import { Repository } from '../repository.ts';
import { NO_CREDENTIALS, RegistrySession } from '../session.ts';
import { shortJson } from '../transport.ts';
import { blobUnknown } from './blobs.ts';
import { RegistryError } from './errors.ts';
import type { Referrer } from './manifests.ts';
import { algorithmOf, type ContentDigest, isContentDigest, isTag, type RepositoryName, type TagName } from './names.ts';
import { OriginDownload } from './origin-download.ts';
import { parseRange, send } from './sending.ts';
import type { RegistryStore } from './store.ts';

export interface OriginOptions {
  url: string;
  username?: string;
  password?: string;
}

export class Origin {
  readonly #session: RegistrySession;
  /** Blobs on their way: whoever asks for one as well gets what comes. */
  readonly #fetching = new Map<ContentDigest, OriginDownload>();
  readonly #refreshing = new SharedTasks<string, void>();

  private constructor(
    private readonly store: RegistryStore,
    session: RegistrySession,
  ) {
    this.#session = session;
  }

  static async open(store: RegistryStore, { url, username = '', password = '' }: OriginOptions): Promise<Origin> {
    const base = parseBase(url);
    const config: RegistryConfig = {
      insecureRegistries: [],
      registryMirrors: [],
      proxies: environmentProxies(),
      certificateDirectories: [],
    };
    const endpoint: Endpoint = {
      bases: [`${base.protocol}//${base.host}${base.pathname.replace(/\/+$/, '')}`],
      host: base.host,
      isMirror: false,
      insecure: base.protocol === 'http:' || (await isInsecure(base.host, config)),
      certificates: { authorities: [] },
    };
    return new Origin(store, new RegistrySession(endpoint, { ...NO_CREDENTIALS, username, password }, config));
  }

  /** Fetches the manifest unless we have what the origin has. Many who ask at once ask once. */
  refreshManifest(name: RepositoryName, reference: TagName | ContentDigest): Promise<void> {
    return this.#refreshing.run(`${name} ${reference}`, undefined, () => this.#refreshManifest(name, reference));
  }

  async #refreshManifest(name: RepositoryName, reference: TagName | ContentDigest): Promise<void> {
    const { manifests } = this.store;
    const ours = await manifests.find(name, reference);
    // A digest always means the same.
    if (ours && !isTag(reference)) return;
    // What we have is better than waiting.
    const repository = this.#repository(name, ours ? 1 : ATTEMPTS);
    try {
      if (ours && (await repository.manifestDigest(reference)) === (ours.digest as string)) return;
      const { bytes, descriptor } = await repository.manifest(reference);
      await manifests.put(name, {
        bytes,
        mediaType: descriptor.mediaType,
        ...(isTag(reference) ? { tags: [reference] } : { tags: [], digest: reference }),
        partsMayBeMissing: true,
      });
    } catch (error) {
      if (error instanceof RegistryFailure && error.status === 404) return;
      if (!ours) throw unavailable(error);
      log.warn('the origin does not answer: serving what was fetched earlier', { name, reference, error });
    }
  }

  /** Only blobs of manifests that were fetched: the repository is known then. */
  async blob(name: RepositoryName, digest: ContentDigest, request: Request): Promise<Response> {
    if (algorithmOf(digest) !== 'sha256') throw blobUnknown(digest);
    // The same content may have come by way of another repository, but this one must have it too.
    if (request.method === 'HEAD') return this.#head(name, digest);
    try {
      const running = this.#fetching.get(digest) ?? (await this.#fetch(name, digest));
      // A large one takes longer than clients wait for the first byte.
      if (running.repository === name && !request.headers.has('if-range')) {
        const response = await follow(running, digest, request.headers.get('range'));
        if (response) return response;
      }
      await running.done;
      // Somebody else may have fetched it for another repository.
      if (!(await this.store.blobs.find(name, digest))) await this.#adoptStored(name, digest);
    } catch (error) {
      if (error instanceof RegistryFailure && error.status === 404) throw blobUnknown(digest);
      throw unavailable(error);
    }
    const file = await this.store.blobs.get(name, digest);
    return send(request, { digest, mediaType: BLOB, file }, true);
  }

  async #head(name: RepositoryName, digest: ContentDigest): Promise<Response> {
    const response = await this.#request(name, `/blobs/${digest}`, 'HEAD');
    await response.body?.cancel();
    if (!response.ok) throw blobUnknown(digest);
    const headers: Record<string, string> = {
      'Content-Type': BLOB,
      'Docker-Content-Digest': digest,
      'Accept-Ranges': 'bytes',
    };
    const length = response.headers.get('content-length');
    if (length !== null) headers['Content-Length'] = length;
    return new Response(null, { headers });
  }

  async #fetch(name: RepositoryName, digest: ContentDigest): Promise<OriginDownload> {
    const { uploads } = this.store;
    const upload = await uploads.begin(name);
    // Somebody else may have begun meanwhile.
    const other = this.#fetching.get(digest);
    if (other) {
      await uploads.discard(upload);
      return other;
    }
    const running = new OriginDownload(this.#repository(name), digest, upload, uploads);
    this.#fetching.set(digest, running);
    const forget = () => this.#fetching.delete(digest);
    running.done.then(forget, forget);
    return running;
  }

  async #adoptStored(name: RepositoryName, digest: ContentDigest): Promise<void> {
    if (!(await this.#repository(name).hasBlob(digest as string as Digest))) throw blobUnknown(digest);
    await this.store.blobs.link(name, digest);
  }

  /** Undefined if the origin does not say. */
  async tags(name: RepositoryName): Promise<TagName[] | undefined> {
    try {
      const tags = await this.#repository(name).tags();
      return tags.filter(isTag).sort();
    } catch (error) {
      if (error instanceof RegistryFailure && error.status === 404) return undefined;
      log.warn('the origin does not answer: listing what was fetched earlier', { name, error });
      return undefined;
    }
  }

  async referrers(name: RepositoryName, subject: ContentDigest): Promise<Referrer[] | undefined> {
    try {
      const response = await this.#request(name, `/referrers/${subject}`, 'GET');
      if (response.ok) return referrersIn(await shortJson(response, 'referrers'));
      if (response.status !== 404) throw await failureOf(response, 'referrers');
      await response.body?.cancel();
      // An older registry, which does not know this: its clients keep the list.
      const tagged = await this.#repository(name).taggedReferrers(subject as string as Digest);
      if (tagged.length > 0) return referrersIn({ manifests: tagged });
    } catch (error) {
      log.warn('the origin does not answer: listing what was fetched earlier', { name, error });
    }
    return undefined;
  }

  #repository(name: RepositoryName, attempts = 1): Repository {
    return new Repository(this.#session, name, 'pull', { retry: { attempts } });
  }

  #request(name: RepositoryName, path: string, method: string): Promise<Response> {
    return this.#session.request(`/v2/${name}${path}`, { method }, [`repository:${name}:pull`]);
  }
}

/** Whoever asks us is waiting, and will ask again. */
const ATTEMPTS = 2;
const BLOB = 'application/octet-stream';

function parseBase(url: string): URL {
  const parsed = URL.parse(url);
  if (!parsed || !/^https?:$/.test(parsed.protocol)) throw invalid(`--proxy: ${url} is not an http or https URL`);
  return parsed;
}

/** Undefined where there is nothing to follow: it is over, or where the range lies is not known yet. */
async function follow(
  running: OriginDownload,
  digest: ContentDigest,
  asked: string | null,
): Promise<Response | undefined> {
  const size = await running.begun;
  const range = asked === null ? undefined : size === undefined ? 'unknown' : parseRange(asked, size);
  if (typeof range === 'string') return undefined;
  const body = await running.follow(range);
  if (!body) return undefined;
  const headers: Record<string, string> = { 'Content-Type': BLOB, 'Docker-Content-Digest': digest };
  if (range) headers['Content-Range'] = `bytes ${range[0]}-${range[1] - 1}/${size}`;
  const length = range ? range[1] - range[0] : size;
  if (length !== undefined) headers['Content-Length'] = String(length);
  return new Response(body, { status: range ? 206 : 200, headers });
}

function referrersIn(json: Record<string, unknown>): Referrer[] {
  const { manifests } = json;
  if (!Array.isArray(manifests)) throw new Error('the list of referrers is malformed');
  return (manifests as Partial<Referrer>[]).filter((entry): entry is Referrer => isContentDigest(entry?.digest));
}

function unavailable(error: unknown): RegistryError {
  if (error instanceof RegistryError) return error;
  return new RegistryError('UNAVAILABLE', `the origin of this cache: ${messageOf(error)}`, { status: 502 });
}
