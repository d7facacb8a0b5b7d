// Which images an archive holds: by OCI's index.json, or by Docker's manifest.json.
import { type Descriptor, type Index, MEDIA_TYPES, parseManifest } from '../../../content/oci.ts';
import type { ContentStore, Lease } from '../../../content/store.ts';
import { detectCompression } from '../../../lib/compression.ts';
import { invalid } from '../../../lib/errors.ts';
import { sha256 } from '../../../lib/ids.ts';
import { canonicalName, parseReference, withDefaultTag } from '../../../lib/reference.ts';
import type { IngestedArchive, IngestedFile } from './ingest.ts';

export interface ArchivedImage {
  target: Descriptor;
  /** Full name; undefined for an image without one. */
  name: string | undefined;
}

const IMAGE_NAME = 'io.containerd.image.name';
const REF_NAME = 'org.opencontainers.image.ref.name';

export async function imagesIn(
  archive: IngestedArchive,
  content: ContentStore,
  lease: Lease,
): Promise<ArchivedImage[]> {
  const index = archive.documents.get('index.json');
  if (index && archive.documents.has('oci-layout')) return imagesOfIndex(index);
  const manifest = archive.documents.get('manifest.json');
  if (manifest) return imagesOfDockerManifest(manifest, archive, content, lease);
  throw invalid('invalid archive: it holds neither an OCI layout nor Docker images');
}

function imagesOfIndex(bytes: Buffer): ArchivedImage[] {
  const index = parseManifest(bytes) as Index;
  if (index.kind !== 'index') throw invalid('invalid archive: index.json is no index');
  return index.manifests.map(target => {
    const annotations = target.annotations ?? {};
    const name = annotations[IMAGE_NAME] ?? annotations[REF_NAME];
    return { target, name: name === undefined || name === '' ? undefined : fullName(name) };
  });
}

function fullName(name: string): string {
  const reference = withDefaultTag(parseReference(name));
  // A name with tag and digest is known by its tag.
  return canonicalName(reference.tag === undefined ? reference : { ...reference, digest: undefined });
}

interface DockerImage {
  Config: string;
  RepoTags?: string[] | null;
  Layers: string[];
}

async function imagesOfDockerManifest(
  bytes: Buffer,
  archive: IngestedArchive,
  content: ContentStore,
  lease: Lease,
): Promise<ArchivedImage[]> {
  const images: ArchivedImage[] = [];
  for (const image of parseDockerManifest(bytes)) {
    const target = await manifestOf(image, archive, content, lease);
    const names = image.RepoTags ?? [];
    if (names.length === 0) images.push({ target, name: undefined });
    for (const name of names) images.push({ target, name: fullName(name) });
  }
  return images;
}

function parseDockerManifest(bytes: Buffer): DockerImage[] {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw invalid('invalid archive: manifest.json is no JSON', error);
  }
  if (!Array.isArray(value) || !value.every(isDockerImage)) throw invalid('invalid archive: malformed manifest.json');
  return value;
}

function isDockerImage(value: unknown): value is DockerImage {
  if (typeof value !== 'object' || value === null) return false;
  const { Config, RepoTags, Layers } = value as Record<string, unknown>;
  const strings = (list: unknown) => Array.isArray(list) && list.every(each => typeof each === 'string');
  return (
    typeof Config === 'string' && strings(Layers) && (RepoTags === undefined || RepoTags === null || strings(RepoTags))
  );
}

/** Docker's archive has no manifest as registries do: it is made of what the archive holds, each time the same. */
async function manifestOf(
  image: DockerImage,
  archive: IngestedArchive,
  content: ContentStore,
  lease: Lease,
): Promise<Descriptor> {
  const config = archive.file(image.Config);
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.dockerManifest,
    config: { mediaType: MEDIA_TYPES.dockerConfig, digest: config.digest, size: config.size },
    layers: await Promise.all(image.Layers.map(name => layerOf(archive.file(name), content))),
  };
  const bytes = Buffer.from(JSON.stringify(manifest));
  const digest = sha256(bytes);
  await content.blobs.add(bytes, digest, lease);
  return { mediaType: MEDIA_TYPES.dockerManifest, digest, size: bytes.length };
}

async function layerOf({ digest, size }: IngestedFile, content: ContentStore): Promise<Descriptor> {
  const start = await content.blobs.peek(digest);
  const mediaTypes = {
    none: MEDIA_TYPES.dockerLayer,
    gzip: MEDIA_TYPES.dockerLayerGzip,
    zstd: MEDIA_TYPES.layerZstd,
  } as const;
  const compression = detectCompression(start);
  if (compression === 'bzip2' || compression === 'xz')
    throw invalid(`a layer is packed with ${compression}, which images can't have`);
  return { mediaType: mediaTypes[compression], digest, size };
}
