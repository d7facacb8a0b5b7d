// Images of our own making: config and manifest into the store, then the record.
import { type Descriptor, type HistoryEntry, type ImageConfigFile, MEDIA_TYPES } from '../../content/oci.ts';
import type { Lease } from '../../content/store.ts';
import { type Digest, sha256 } from '../../lib/ids.ts';
import type { ImageContext } from './context.ts';

/** Stores a JSON document and says where it is. */
async function storeJson(context: ImageContext, mediaType: string, content: object, lease: Lease): Promise<Descriptor> {
  const bytes = Buffer.from(JSON.stringify(content));
  const digest = sha256(bytes);
  await context.content.blobs.add(bytes, digest, lease);
  return { mediaType, digest, size: bytes.length };
}

export async function storeImage(
  context: ImageContext,
  image: { config: ImageConfigFile; layers: readonly Descriptor[] },
  lease: Lease,
): Promise<Descriptor> {
  const config = await storeJson(context, MEDIA_TYPES.config, image.config, lease);
  const mediaType = MEDIA_TYPES.manifest;
  const layers = image.layers.map(({ mediaType: type, digest, size }) => ({
    mediaType: ociLayerType(type),
    digest,
    size,
  }));
  return storeJson(context, mediaType, { schemaVersion: 2, mediaType, config, layers }, lease);
}

/** An OCI manifest names its layers by OCI's media types, whatever the base image's manifest called them. */
function ociLayerType(mediaType: string): string {
  if (mediaType === MEDIA_TYPES.dockerLayerGzip) return MEDIA_TYPES.layerGzip;
  if (mediaType === MEDIA_TYPES.dockerLayer) return MEDIA_TYPES.layer;
  return mediaType;
}

/** A config on top of another one, or of nothing. */
export function derivedConfig(
  base: ImageConfigFile | undefined,
  platform: { os: string; architecture: string; variant?: string },
  added: { diffId?: Digest; history: HistoryEntry; author: string; config: object },
): ImageConfigFile {
  const { os, architecture, variant } = platform;
  return {
    created: added.history.created,
    ...(added.author && { author: added.author }),
    architecture,
    ...(variant && { variant }),
    os,
    config: added.config,
    rootfs: { type: 'layers', diff_ids: [...(base?.rootfs.diff_ids ?? []), ...(added.diffId ? [added.diffId] : [])] },
    history: [...(base?.history ?? []), added.history],
  };
}
