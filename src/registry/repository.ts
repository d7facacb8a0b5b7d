// One repository of a registry: the calls of the distribution specification that images need.
import {
  type Descriptor,
  type Index,
  MAX_MANIFEST,
  type Manifest,
  MEDIA_TYPES,
  parseManifest,
} from '../content/oci.ts';
import { failed, invalid } from '../lib/errors.ts';
import { type Digest, isDigest, sha256 } from '../lib/ids.ts';
import { type ByteSource, collectBounded } from '../lib/streams.ts';
import { ConnectionFailure, failureOf, RegistryFailure } from './failures.ts';
import { DEFAULT_ATTEMPTS, type RetryPolicy, retrying } from './retry.ts';
import type { RegistrySession } from './session.ts';
import { bodyOf, shortJson } from './transport.ts';
import { Upload } from './upload.ts';

const MANIFEST_TYPES = [
  MEDIA_TYPES.index,
  MEDIA_TYPES.manifest,
  MEDIA_TYPES.dockerIndex,
  MEDIA_TYPES.dockerManifest,
  // Asked for only to say clearly that they are too old.
  'application/vnd.docker.distribution.manifest.v1+prettyjws',
  'application/vnd.docker.distribution.manifest.v1+json',
];

const MAX_REFERRERS = 10_000;

/** Where the referrers of a manifest are listed in registries without the API for it. */
export const referrersTag = (subject: Digest) => subject.replace(':', '-');

export interface FetchedManifest {
  descriptor: Descriptor;
  bytes: Buffer;
  content: Manifest | Index;
}

export interface FetchedBlob {
  /** Where in the blob the bytes begin: a registry may not give ranges. */
  start: number;
  /** Of the whole blob, if the registry says it. */
  size?: number;
  body: ByteSource;
}

/** How a blob came to be in its repository. */
export type BlobArrival = 'present' | 'mounted' | 'sent';

export interface RepositoryOptions {
  /** Repositories that blobs may be mounted from. */
  sources?: readonly string[];
  retry?: RetryPolicy;
}

/** What fails for a passing reason is tried again, except for `blob`: whoever reads it knows how far they came. */
export class Repository {
  readonly #scopes: readonly string[];
  readonly #retry: RetryPolicy;

  constructor(
    readonly session: RegistrySession,
    readonly path: string,
    access: 'pull' | 'push',
    { sources = [], retry = { attempts: DEFAULT_ATTEMPTS } }: RepositoryOptions = {},
  ) {
    const own = `repository:${path}:${access === 'push' ? 'pull,push' : 'pull'}`;
    this.#scopes = [own, ...sources.map(source => `repository:${source}:pull`)];
    this.#retry = retry;
  }

  get host(): string {
    return this.session.host;
  }

  /** By tag or digest. The bytes are checked against the digest, where one is known. */
  async manifest(reference: string, signal?: AbortSignal): Promise<FetchedManifest> {
    const { response, bytes } = await this.#again(signal, async () => {
      const headers = { Accept: MANIFEST_TYPES.join(', ') };
      const response = await this.#get(`/manifests/${reference}`, headers, signal);
      const body = bodyOf(response, this.host, signal);
      return { response, bytes: await collectBounded(body, MAX_MANIFEST, `the manifest ${reference}`) };
    });
    const digest = sha256(bytes);
    const stated = isDigest(reference) ? reference : response.headers.get('docker-content-digest');
    if (stated !== null && stated !== digest) {
      throw invalid(`manifest verification failed for digest ${stated}: the content has ${digest}`);
    }
    const mediaType = (response.headers.get('content-type') ?? '').split(';')[0]!.trim();
    const content = parseManifest(
      bytes,
      /json|prettyjws/.test(mediaType) && mediaType !== 'application/json' ? mediaType : undefined,
    );
    return { descriptor: { mediaType: content.mediaType, digest, size: bytes.length }, bytes, content };
  }

  /** Undefined if it is not there. */
  async manifestDigest(reference: string, signal?: AbortSignal): Promise<Digest | undefined> {
    const headers = { Accept: MANIFEST_TYPES.join(', ') };
    const response = await this.#head(`/manifests/${reference}`, headers, signal);
    const digest = response?.headers.get('docker-content-digest') ?? '';
    return isDigest(digest) ? digest : undefined;
  }

  async blob(digest: Digest, start: number, signal?: AbortSignal): Promise<FetchedBlob> {
    const headers: Record<string, string> = start > 0 ? { Range: `bytes=${start}-` } : {};
    const response = await this.#get(`/blobs/${digest}`, headers, signal);
    const body = bodyOf(response, this.host, signal);
    const length = response.headers.get('content-length');
    if (response.status !== 206) return { start: 0, size: length === null ? undefined : Number(length), body };
    const range = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '');
    if (Number(range?.[1]) !== start) throw new ConnectionFailure(`${this.host} sent another range than asked for`);
    return { start, size: length === null ? undefined : start + Number(length), body };
  }

  /** A config, or something else of at most `limit` bytes, whole. Its digest is the caller's to check. */
  smallBlob(digest: Digest, limit: number, signal?: AbortSignal): Promise<Buffer> {
    return this.#again(signal, async () => collectBounded((await this.blob(digest, 0, signal)).body, limit));
  }

  async hasBlob(digest: Digest, signal?: AbortSignal): Promise<boolean> {
    return (await this.#head(`/blobs/${digest}`, {}, signal)) !== undefined;
  }

  /** Undefined if it is not there. */
  #head(path: string, headers: Record<string, string>, signal?: AbortSignal): Promise<Response | undefined> {
    return this.#again(signal, async () => {
      const response = await this.#request(path, { method: 'HEAD', headers, signal });
      await response.body?.cancel();
      if (response.status === 404) return undefined;
      if (!response.ok) throw await failureOf(response, `HEAD ${path.slice(1)}`);
      return response;
    });
  }

  /** All tags, page by page. */
  async tags(signal?: AbortSignal): Promise<string[]> {
    const tags: string[] = [];
    for (let path: string | undefined = `/v2/${this.path}/tags/list`; path !== undefined; ) {
      const asked = path;
      const { response, json } = await this.#again(signal, async () => {
        const response = await this.session.request(asked, { method: 'GET', signal }, this.#scopes);
        if (!response.ok) throw await failureOf(response, 'list of tags');
        return { response, json: await shortJson(response, 'list of tags') };
      });
      const page = json['tags'];
      if (Array.isArray(page)) tags.push(...page.filter(tag => typeof tag === 'string'));
      path = nextPage(response);
      if (tags.length > 1_000_000) throw failed('list of tags: it has no end');
    }
    return tags;
  }

  /** The blob is there afterwards: it was, or `from` has it, or it is sent. A connection that breaks is taken up there. */
  putBlob(
    blob: { digest: Digest; size: number },
    content: (start: number) => ByteSource,
    { from, retry = this.#retry, signal }: { from?: string; retry?: RetryPolicy; signal?: AbortSignal } = {},
  ): Promise<BlobArrival> {
    const upload = new Upload(this.session, this.#scopes, blob, content, signal);
    const work = async (): Promise<BlobArrival> => {
      if (!(await upload.resume())) {
        const has = await this.#request(`/blobs/${blob.digest}`, { method: 'HEAD', signal });
        await has.body?.cancel();
        if (has.ok) return 'present';
        if (has.status !== 404) throw await failureOf(has, `HEAD blobs/${blob.digest}`);
        const query = from === undefined ? '' : `?mount=${blob.digest}&from=${encodeURIComponent(from)}`;
        if ((await upload.begin(`/v2/${this.path}/blobs/uploads/${query}`)) === 'mounted') {
          if (from !== undefined) return 'mounted';
          throw failed(`${this.host} says that it has ${blob.digest}, which nobody has sent`);
        }
      }
      await upload.send();
      return 'sent';
    };
    return retrying(retry, signal, work, () => upload.accepted);
  }

  /** What refers to a manifest, by the referrers API or, where a registry has none, by the tag that stands in for it. */
  async referrers(subject: Digest, signal?: AbortSignal): Promise<Descriptor[]> {
    const found: Descriptor[] = [];
    for (let path: string | undefined = `/v2/${this.path}/referrers/${subject}`; path !== undefined; ) {
      const page = await this.#referrersPage(path, subject, signal);
      if (!page) return this.taggedReferrers(subject, signal);
      const index = parseManifest(page.bytes);
      if (index.kind === 'index') found.push(...index.manifests);
      path = page.next;
      if (found.length > MAX_REFERRERS) throw failed(`${subject} has more than ${MAX_REFERRERS} referrers`);
    }
    return found;
  }

  /** Undefined where a registry does not know such lists. */
  #referrersPage(path: string, subject: Digest, signal?: AbortSignal) {
    return this.#again(signal, async () => {
      const exchange = { method: 'GET', headers: { Accept: MEDIA_TYPES.index }, signal };
      const response = await this.session.request(path, exchange, this.#scopes);
      const isIndex = (response.headers.get('content-type') ?? '').startsWith(MEDIA_TYPES.index);
      if (response.ok && isIndex) {
        const bytes = await collectBounded(bodyOf(response, this.host, signal), MAX_MANIFEST);
        return { bytes, next: nextPage(response) };
      }
      const { status } = response;
      if (status >= 500 || status === 401 || status === 403 || status === 429) {
        throw await failureOf(response, `referrers of ${subject}`);
      }
      // Registries older than the API answer with all kinds of refusals.
      await response.body?.cancel();
      return undefined;
    });
  }

  /** The specification's fallback: an index under a tag that is made of the digest. */
  async taggedReferrers(subject: Digest, signal?: AbortSignal): Promise<Descriptor[]> {
    try {
      const { content } = await this.manifest(referrersTag(subject), signal);
      return content.kind === 'index' ? content.manifests : [];
    } catch (error) {
      if (error instanceof RegistryFailure && error.status === 404) return [];
      throw error;
    }
  }

  /** Only by digest does it delete the manifest itself. */
  async deleteManifest(reference: string, signal?: AbortSignal): Promise<void> {
    await this.#again(signal, async () => {
      const response = await this.#request(`/manifests/${reference}`, { method: 'DELETE', signal });
      if (!response.ok && response.status !== 404) throw await failureOf(response, `DELETE manifest ${reference}`);
      await response.body?.cancel();
    });
  }

  /** True if the registry has noted which manifest this one refers to. */
  putManifest(reference: string, mediaType: string, bytes: Uint8Array, signal?: AbortSignal): Promise<boolean> {
    return this.#again(signal, async () => {
      const headers = { 'Content-Type': mediaType };
      const response = await this.#request(`/manifests/${reference}`, { method: 'PUT', headers, body: bytes, signal });
      if (!response.ok) throw await failureOf(response, `PUT manifest ${reference}`);
      await response.body?.cancel();
      const stored = response.headers.get('docker-content-digest');
      if (stored !== null && isDigest(stored) && stored !== sha256(bytes)) {
        throw failed(`${this.host} has stored ${stored} instead of ${sha256(bytes)} as ${reference}`);
      }
      return response.headers.has('oci-subject');
    });
  }

  #again<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    return retrying(this.#retry, signal, work);
  }

  async #get(path: string, headers: Record<string, string>, signal?: AbortSignal): Promise<Response> {
    const response = await this.#request(path, { method: 'GET', headers, signal });
    if (!response.ok) throw await failureOf(response, `GET ${path.slice(1)}`);
    return response;
  }

  #request(path: string, exchange: Parameters<RegistrySession['request']>[1]): Promise<Response> {
    return this.session.request(`/v2/${this.path}${path}`, exchange, this.#scopes);
  }
}

/** Link: </v2/name/tags/list?last=x>; rel="next" */
function nextPage(response: Response): string | undefined {
  const match = /<([^>]+)>\s*;\s*rel="?next"?/.exec(response.headers.get('link') ?? '');
  if (!match) return undefined;
  const url = new URL(match[1]!, 'http://registry.invalid');
  return url.pathname + url.search;
}
