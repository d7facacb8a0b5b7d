// The images of a repository one by one, each with what it is for; and lists of such images, put together by hand.
import {
  type Descriptor,
  isForeignLayer,
  isIndexType,
  type Manifest,
  MEDIA_TYPES,
  parseConfig,
  parseManifest,
} from '../content/oci.ts';
import { invalid } from '../lib/errors.ts';
import { type Digest, sha256 } from '../lib/ids.ts';
import type { Platform } from '../lib/platform.ts';
import { type ByteSource, withoutStart } from '../lib/streams.ts';
import type { FetchedManifest, Repository } from './repository.ts';

/** No image's config is larger than this. */
const MAX_CONFIG = 4 * 1024 * 1024;

export interface ListedImage {
  descriptor: Descriptor;
  /** The manifest, to the byte. */
  bytes: Buffer;
}

/** What a name stands for: one image, or all of a list. */
export async function imagesNamed(repository: Repository, reference: string): Promise<ListedImage | ListedImage[]> {
  const fetched = await repository.manifest(reference);
  const { content } = fetched;
  if (content.kind === 'manifest') return image(repository, fetched, content);
  const images: ListedImage[] = [];
  for (const { digest, mediaType, size, platform } of content.manifests) {
    if (isIndexType(mediaType)) throw invalid(`the list has another list in it (${digest}), which can't be shown`);
    const { bytes } = await repository.manifest(digest);
    images.push({ descriptor: { mediaType, digest, size, platform }, bytes });
  }
  return images;
}

async function image(repository: Repository, fetched: FetchedManifest, content: Manifest): Promise<ListedImage> {
  const { mediaType, digest, size } = fetched.descriptor;
  const bytes = await repository.smallBlob(content.config.digest, MAX_CONFIG);
  if (sha256(bytes) !== content.config.digest) {
    throw invalid(`config verification failed for digest ${content.config.digest}`);
  }
  return { descriptor: { mediaType, digest, size, platform: platformIn(bytes) }, bytes: fetched.bytes };
}

function platformIn(config: Buffer): Platform {
  const { architecture, os, variant, ...rest } = parseConfig(config);
  const [version, features] = [rest['os.version'], rest['os.features']];
  return {
    architecture,
    os,
    ...(version && { 'os.version': version }),
    ...(features && { 'os.features': features }),
    ...(variant && { variant }),
  };
}

/** The list's document, with the same bytes whoever makes it: its digest is compared with that of Docker's client. */
export function listDocument(images: readonly Descriptor[]): { mediaType: string; bytes: Buffer; digest: Digest } {
  const isOci = images[0]?.mediaType === MEDIA_TYPES.manifest;
  const mediaType = isOci ? MEDIA_TYPES.index : MEDIA_TYPES.dockerIndex;
  const manifests = images.map(({ mediaType, size, digest, platform }) => ({
    mediaType,
    size,
    digest,
    platform: orderedPlatform(platform),
  }));
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests }, null, 3));
  return { mediaType, bytes, digest: sha256(bytes) };
}

/** Its fields in the order in which Docker writes them. */
export function orderedPlatform(platform: Platform | undefined) {
  return {
    architecture: platform?.architecture ?? '',
    os: platform?.os ?? '',
    'os.version': platform?.['os.version'] || undefined,
    'os.features': platform?.['os.features']?.length ? platform['os.features'] : undefined,
    variant: platform?.variant || undefined,
  };
}

/** An image of another repository of the same registry: its blobs are mounted, or carried over where that is refused. */
export async function bringOver(
  { descriptor: { digest, mediaType }, bytes }: ListedImage,
  source: Repository,
  target: Repository,
): Promise<void> {
  const content = parseManifest(bytes, mediaType);
  if (content.kind === 'index') throw invalid(`${digest} is a list itself`);
  if (source.path !== target.path) {
    for (const blob of [content.config, ...content.layers]) {
      if (!isForeignLayer(blob.mediaType)) await bringBlob(blob, source, target);
    }
  }
  await target.putManifest(digest, mediaType, bytes);
}

async function bringBlob({ digest, size }: Descriptor, source: Repository, target: Repository): Promise<void> {
  async function* content(start: number): ByteSource {
    const { start: at, body } = await source.blob(digest, start);
    yield* withoutStart(body, start - at);
  }
  await target.putBlob({ digest, size }, content, { from: source.path });
}
