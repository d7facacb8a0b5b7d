// docker save: an OCI layout that old Docker reads as well (manifest.json). Blobs leave as they came, so digests stay equal.
import { type Descriptor, isForeignLayer, MEDIA_TYPES } from '../../../content/oci.ts';
import type { Lease } from '../../../content/store.ts';
import type { Digest } from '../../../lib/ids.ts';
import { type Platform, samePlatform } from '../../../lib/platform.ts';
import {
  canonicalName,
  familiarName,
  isNameOnly,
  parseAnyReference,
  parseReference,
  repositoryOf,
  withDefaultTag,
} from '../../../lib/reference.ts';
import type { ByteSource } from '../../../lib/streams.ts';
import { type TarInput, tarEntry, writeTar } from '../../../lib/tar/writer.ts';
import { type ImageContext, publishImage } from '../context.ts';
import type { ImageRecord } from '../records.ts';
import { choose, chooseIfAny, isIdPrefix, noSuchImage, platformManifests, resolve } from '../resolve.ts';

interface SavedImage {
  target: Descriptor;
  /** Full name; undefined for an image that was asked for by its id. */
  name: string | undefined;
}

/**
 * Throws at once if a name is unknown; the archive is made while it is read. Each piece of it is gone when the next is
 * asked for.
 */
export function saveImages(
  context: ImageContext,
  references: readonly string[],
  platforms: readonly Platform[],
): ByteSource {
  const images = references.flatMap(reference => named(context, reference, platforms));
  const lease = context.content.lease();
  for (const { target } of images) {
    for (const digest of context.content.reachable([target]).blobs) lease.blobs.add(digest);
  }
  return archive(context, images, platforms, lease);
}

/** The images that a name stands for: without a tag all of its repository. */
function named(context: ImageContext, text: string, platforms: readonly Platform[]): SavedImage[] {
  const { records } = context;
  const parsed = parseAnyReference(text);
  if (!('id' in parsed) && isNameOnly(parsed) && !resolvesToId(records, text)) {
    const tags = [...records.names()].filter(([name]) => {
      const reference = parseReference(name);
      return reference.tag !== undefined && repositoryOf(reference) === repositoryOf(parsed);
    });
    if (tags.length === 0) throw noSuchImage(parsed);
    return tags.map(([name, id]) => saved(context, records.get(id)!, name, platforms));
  }
  const record = resolve(records, text);
  const byDigest = 'id' in parsed || parsed.digest !== undefined || isIdPrefix(record.target.digest, text);
  return [saved(context, record, byDigest ? undefined : canonicalName(withDefaultTag(parsed)), platforms)];
}

function resolvesToId(records: ImageContext['records'], text: string): boolean {
  const parsed = parseReference(text);
  if (records.named(canonicalName(withDefaultTag(parsed)))) return false;
  return /^[0-9a-f]{4,64}$/.test(text) && [...records.all()].some(({ target }) => isIdPrefix(target.digest, text));
}

/** For a single platform its manifest alone; else all that the image points at. */
function saved(
  context: ImageContext,
  record: ImageRecord,
  name: string | undefined,
  platforms: readonly Platform[],
): SavedImage {
  const [only, ...more] = platforms;
  const shown = name ?? record.target.digest;
  for (const platform of platforms) choose(context, record, shown, platform);
  const target = only && more.length === 0 ? choose(context, record, shown, only).descriptor : record.target;
  return { target: { mediaType: target.mediaType, digest: target.digest, size: target.size }, name };
}

async function* archive(
  context: ImageContext,
  images: readonly SavedImage[],
  platforms: readonly Platform[],
  lease: Lease,
): ByteSource {
  try {
    yield* writeTar(members(context, images, platforms));
    for (const { target } of images) publishImage(context, 'save', target.digest, target.digest);
  } finally {
    lease[Symbol.dispose]();
  }
}

function* members(
  context: ImageContext,
  images: readonly SavedImage[],
  platforms: readonly Platform[],
): Generator<TarInput, void, void> {
  yield text('oci-layout', { imageLayoutVersion: '1.0.0' });
  yield text('index.json', indexOf(images));
  yield text('manifest.json', dockerManifestOf(context, images));
  yield directory('blobs');
  yield directory('blobs/sha256');
  for (const digest of blobsOf(context, images, platforms)) {
    const size = context.content.blobs.size(digest);
    if (size === undefined) continue;
    yield {
      entry: tarEntry({ name: blobName(digest), kind: 'file', mode: 0o444, size }),
      body: context.content.blobs.read(digest, 0, 'same'),
    };
  }
}

function indexOf(images: readonly SavedImage[]) {
  const manifests = images.map(({ target, name }) => {
    const tag = name === undefined ? undefined : parseReference(name).tag;
    const annotations = {
      'io.containerd.image.name': name,
      ...(tag !== undefined && { 'org.opencontainers.image.ref.name': tag }),
    };
    return { ...target, ...(name !== undefined && { annotations }) };
  });
  return { schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests };
}

/** One entry per image: old Docker knows no images of several platforms. */
function dockerManifestOf(context: ImageContext, images: readonly SavedImage[]) {
  const entries = new Map<Digest, { Config: string; RepoTags: string[] | null; Layers: string[] }>();
  for (const { target, name } of images) {
    const chosen = chooseIfAny(context.content.manifests, target, undefined);
    if (!chosen) continue;
    const { digest } = chosen.descriptor;
    const entry = entries.get(digest) ?? {
      Config: blobName(chosen.manifest.config.digest),
      RepoTags: null,
      Layers: chosen.manifest.layers.map(layer => blobName(layer.digest)),
    };
    if (name !== undefined) entry.RepoTags = [...(entry.RepoTags ?? []), familiarName(parseReference(name))];
    entries.set(digest, entry);
  }
  return [...entries.values()];
}

/** Each once, small ones first: a reader knows early what is to come. */
function blobsOf(context: ImageContext, images: readonly SavedImage[], platforms: readonly Platform[]): Digest[] {
  const { manifests } = context.content;
  const documents = new Set<Digest>();
  const layers = new Set<Digest>();
  const visit = (descriptor: Descriptor) => {
    documents.add(descriptor.digest);
    const content = manifests.manifestIfPresent(descriptor.digest);
    if (content?.kind === 'index') {
      for (const child of content.manifests) if (isWanted(context, child, platforms)) visit(child);
    } else if (content) {
      documents.add(content.config.digest);
      for (const { digest, mediaType } of content.layers) if (!isForeignLayer(mediaType)) layers.add(digest);
    }
  };
  for (const { target } of images) visit(target);
  return [...documents, ...layers];
}

function isWanted(context: ImageContext, descriptor: Descriptor, platforms: readonly Platform[]): boolean {
  if (platforms.length === 0) return true;
  return platformManifests(context.content.manifests, descriptor).some(
    ({ platform, kind }) => kind === 'image' && platform && platforms.some(wanted => samePlatform(platform, wanted)),
  );
}

const blobName = (digest: Digest) => `blobs/sha256/${digest.slice('sha256:'.length)}`;

function text(name: string, content: object): TarInput {
  const body = Buffer.from(JSON.stringify(content));
  return { entry: tarEntry({ name, kind: 'file', size: body.length }), body };
}

function directory(name: string): TarInput {
  return { entry: tarEntry({ name, kind: 'directory' }) };
}
