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
import type { RegistrySession } from './session.ts';
import { bodyOf, shortJson } from './transport.ts';

/** Uploads may be answered only when the registry has hashed all of it. */
const UPLOAD_PATIENCE = 15 * 60_000;
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
  body: ByteSource;
}

export class Repository {
  readonly #scopes: readonly string[];

  constructor(
    readonly session: RegistrySession,
    readonly path: string,
    access: 'pull' | 'push',
    /** Repositories that blobs may be mounted from. */
    sources: readonly string[] = [],
  ) {
    const own = `repository:${path}:${access === 'push' ? 'pull,push' : 'pull'}`;
    this.#scopes = [own, ...sources.map(source => `repository:${source}:pull`)];
  }

  get host(): string {
    return this.session.host;
  }

  /** By tag or digest. The bytes are checked against the digest, where one is known. */
  async manifest(reference: string, signal?: AbortSignal): Promise<FetchedManifest> {
    const headers = { Accept: MANIFEST_TYPES.join(', ') };
    const response = await this.#get(`/manifests/${reference}`, headers, signal);
    const bytes = await collectBounded(bodyOf(response, this.host, signal), MAX_MANIFEST);
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
    const response = await this.#request(`/manifests/${reference}`, { method: 'HEAD', headers, signal });
    await response.body?.cancel();
    if (response.status === 404) return undefined;
    if (!response.ok) throw await failureOf(response, `HEAD manifest ${reference}`);
    const digest = response.headers.get('docker-content-digest') ?? '';
    return isDigest(digest) ? digest : undefined;
  }

  async blob(digest: Digest, start: number, signal?: AbortSignal): Promise<FetchedBlob> {
    const headers: Record<string, string> = start > 0 ? { Range: `bytes=${start}-` } : {};
    const response = await this.#get(`/blobs/${digest}`, headers, signal);
    const body = bodyOf(response, this.host, signal);
    if (response.status !== 206) return { start: 0, body };
    const range = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '');
    if (Number(range?.[1]) !== start) throw new ConnectionFailure(`${this.host} sent another range than asked for`);
    return { start, body };
  }

  async hasBlob(digest: Digest, signal?: AbortSignal): Promise<boolean> {
    const response = await this.#request(`/blobs/${digest}`, { method: 'HEAD', signal });
    await response.body?.cancel();
    if (response.ok) return true;
    if (response.status === 404) return false;
    throw await failureOf(response, `HEAD blob ${digest}`);
  }

  /** All tags, page by page. */
  async tags(signal?: AbortSignal): Promise<string[]> {
    const tags: string[] = [];
    for (let path: string | undefined = `/v2/${this.path}/tags/list`; path !== undefined; ) {
      const response: Response = await this.session.request(path, { method: 'GET', signal }, this.#scopes);
      if (!response.ok) throw await failureOf(response, 'list of tags');
      const json = await shortJson(response, 'list of tags');
      const page = json['tags'];
      if (Array.isArray(page)) tags.push(...page.filter(tag => typeof tag === 'string'));
      path = nextPage(response);
      if (tags.length > 1_000_000) throw failed('list of tags: it has no end');
    }
    return tags;
  }

  /** Begins an upload. 'mounted' if the registry found the blob in `from`; else where the bytes go. */
  async startUpload(
    digest: Digest,
    from: string | undefined,
    signal?: AbortSignal,
  ): Promise<'mounted' | { location: string }> {
    const query = from === undefined ? '' : `?mount=${digest}&from=${encodeURIComponent(from)}`;
    const headers = { 'Content-Length': '0' };
    const response = await this.#request(`/blobs/uploads/${query}`, {
      method: 'POST',
      headers,
      body: new Uint8Array(0),
      signal,
    });
    if (response.status !== 201 && response.status !== 202) throw await failureOf(response, 'starting an upload');
    await response.body?.cancel();
    if (response.status === 201) return 'mounted';
    return { location: await this.#location(response) };
  }

  /** Sends all of a blob and has the registry verify it. */
  async upload(location: string, digest: Digest, body: ByteSource, signal?: AbortSignal): Promise<void> {
    await this.session.authorize(this.#scopes, signal);
    const sent = await this.session.request(
      location,
      {
        method: 'PATCH',
        headers: { 'Content-Type': 'application/octet-stream' },
        body,
        signal,
        patience: UPLOAD_PATIENCE,
      },
      this.#scopes,
    );
    if (!sent.ok) throw await failureOf(sent, 'upload');
    await sent.body?.cancel();
    const url = new URL(await this.#location(sent));
    url.searchParams.set('digest', digest);
    const committed = await this.session.request(
      url.href,
      { method: 'PUT', headers: { 'Content-Length': '0' }, body: new Uint8Array(0), signal, patience: UPLOAD_PATIENCE },
      this.#scopes,
    );
    if (!committed.ok) throw await failureOf(committed, 'end of an upload');
    await committed.body?.cancel();
  }

  /** What refers to a manifest, by the referrers API or, where a registry has none, by the tag that stands in for it. */
  async referrers(subject: Digest, signal?: AbortSignal): Promise<Descriptor[]> {
    const found: Descriptor[] = [];
    for (let path: string | undefined = `/v2/${this.path}/referrers/${subject}`; path !== undefined; ) {
      const exchange = { method: 'GET', headers: { Accept: MEDIA_TYPES.index }, signal };
      const response: Response = await this.session.request(path, exchange, this.#scopes);
      const isIndex = (response.headers.get('content-type') ?? '').startsWith(MEDIA_TYPES.index);
      if (!response.ok || !isIndex) {
        const { status } = response;
        if (status >= 500 || status === 401 || status === 403 || status === 429) {
          throw await failureOf(response, `referrers of ${subject}`);
        }
        // Registries older than the API answer with all kinds of refusals.
        await response.body?.cancel();
        return this.taggedReferrers(subject, signal);
      }
      const index = parseManifest(await collectBounded(bodyOf(response, this.host, signal), MAX_MANIFEST));
      if (index.kind === 'index') found.push(...index.manifests);
      path = nextPage(response);
      if (found.length > MAX_REFERRERS) throw failed(`${subject} has more than ${MAX_REFERRERS} referrers`);
    }
    return found;
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
    const response = await this.#request(`/manifests/${reference}`, { method: 'DELETE', signal });
    if (!response.ok && response.status !== 404) throw await failureOf(response, `DELETE manifest ${reference}`);
    await response.body?.cancel();
  }

  /** True if the registry has noted which manifest this one refers to. */
  async putManifest(reference: string, mediaType: string, bytes: Uint8Array, signal?: AbortSignal): Promise<boolean> {
    const response = await this.#request(`/manifests/${reference}`, {
      method: 'PUT',
      headers: { 'Content-Type': mediaType },
      body: bytes,
      signal,
    });
    if (!response.ok) throw await failureOf(response, `PUT manifest ${reference}`);
    await response.body?.cancel();
    return response.headers.has('oci-subject');
  }

  async #get(path: string, headers: Record<string, string>, signal?: AbortSignal): Promise<Response> {
    const response = await this.#request(path, { method: 'GET', headers, signal });
    if (!response.ok) throw await failureOf(response, `GET ${path.slice(1)}`);
    return response;
  }

  #request(path: string, exchange: Parameters<RegistrySession['request']>[1]): Promise<Response> {
    return this.session.request(`/v2/${this.path}${path}`, exchange, this.#scopes);
  }

  async #location(response: Response): Promise<string> {
    const location = response.headers.get('location');
    if (location === null) throw failed(`${this.host} does not say where to upload to`);
    return new URL(location, `${await this.session.base()}/`).href;
  }
}

/** Link: </v2/name/tags/list?last=x>; rel="next" */
function nextPage(response: Response): string | undefined {
  const match = /<([^>]+)>\s*;\s*rel="?next"?/.exec(response.headers.get('link') ?? '');
  if (!match) return undefined;
  const url = new URL(match[1]!, 'http://registry.invalid');
  return url.pathname + url.search;
}
