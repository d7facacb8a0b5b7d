// Requests about manifests, tags and referrers.
import { page } from './catalog.ts';
import { RegistryError } from './errors.ts';
import type { Call } from './handler.ts';
import { MAX_MANIFEST } from './manifest-content.ts';
import type { Referrer } from './manifests.ts';
import { type ContentDigest, contentDigest, isTag, type RepositoryName, type TagName } from './names.ts';
import type { Origin } from './origin.ts';
import { send } from './sending.ts';
import type { RegistryStore } from './store.ts';

const INDEX = 'application/vnd.oci.image.index.v1+json';

export class ManifestRequests {
  constructor(
    private readonly store: RegistryStore,
    private readonly origin: Origin | undefined,
  ) {}

  async get(name: RepositoryName, { request, rest }: Call): Promise<Response> {
    const reference = parseReference(rest);
    await this.origin?.refreshManifest(name, reference);
    const found = await this.store.manifests.get(name, reference);
    return send(request, found, found.digest === reference);
  }

  async put(name: RepositoryName, { request, url, rest }: Call): Promise<Response> {
    const reference = parseReference(rest);
    const digest = isTag(reference) ? undefined : reference;
    const extra = url.searchParams.getAll('tag').map(tagOf);
    if (extra.length > 0 && digest === undefined) {
      throw new RegistryError('TAG_INVALID', 'tag parameters are for a manifest that is pushed by digest');
    }
    const tags = isTag(reference) ? [reference] : extra;
    const mediaType = (request.headers.get('content-type') ?? '').split(';')[0]!.trim();
    const bytes = await readBounded(request);
    const stored = await this.store.manifests.put(name, { bytes, mediaType, digest, tags });
    const headers = new Headers({
      Location: `/v2/${name}/manifests/${stored.digest}`,
      'Docker-Content-Digest': stored.digest,
    });
    if (stored.subject) headers.set('OCI-Subject', stored.subject);
    if (extra.length > 0) headers.set('OCI-Tag', extra.join(', '));
    return new Response(null, { status: 201, headers });
  }

  async delete(name: RepositoryName, { rest }: Call): Promise<Response> {
    const reference = parseReference(rest);
    if (isTag(reference)) await this.store.manifests.deleteTag(name, reference);
    else await this.store.manifests.delete(name, reference);
    return new Response(null, { status: 202 });
  }

  async tags(name: RepositoryName, { url }: Call): Promise<Response> {
    const all = (await this.origin?.tags(name)) ?? (await this.store.manifests.tags(name));
    if (all.length === 0) await this.store.manifests.checkRepository(name);
    const { items, link } = page(all, url.searchParams, `/v2/${name}/tags/list`);
    return Response.json({ name, tags: items }, { headers: link === undefined ? {} : { Link: link } });
  }

  async referrers(name: RepositoryName, { url, rest }: Call): Promise<Response> {
    const subject = contentDigest(rest);
    const all: Referrer[] =
      (await this.origin?.referrers(name, subject)) ?? (await this.store.manifests.referrers(name, subject));
    const wanted = url.searchParams.getAll('artifactType');
    const manifests = all.filter(({ artifactType }) => wanted.length === 0 || wanted.includes(artifactType ?? ''));
    const headers = { 'Content-Type': INDEX, ...(wanted.length > 0 && { 'OCI-Filters-Applied': 'artifactType' }) };
    return Response.json({ schemaVersion: 2, mediaType: INDEX, manifests }, { headers });
  }
}

function parseReference(text: string): TagName | ContentDigest {
  return text.includes(':') ? contentDigest(text) : tagOf(text);
}

function tagOf(text: string): TagName {
  if (isTag(text)) return text;
  throw new RegistryError('TAG_INVALID', 'manifest tag did not match the allowed form');
}

async function readBounded(request: Request): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.length;
    if (size > MAX_MANIFEST) {
      throw new RegistryError('MANIFEST_INVALID', `manifests may have ${MAX_MANIFEST} bytes`, { status: 413 });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
