// docker import: a root file system's tar becomes an image of one layer.
import type { BlobWriter } from '../../content/blobs.ts';
import { type Descriptor, MEDIA_TYPES } from '../../content/oci.ts';
import { stackOf } from '../../content/stack.ts';
import type { Lease } from '../../content/store.ts';
import { compressGzip, decompressAny, detectCompression, MAGIC_LENGTH, peek } from '../../lib/compression.ts';
import type { Digest } from '../../lib/ids.ts';
import { hostPlatform } from '../../lib/platform.ts';
import { canonicalName, familiarName, repoTagReference } from '../../lib/reference.ts';
import type { ByteSource } from '../../lib/streams.ts';
import { applyChanges } from './changes.ts';
import { collectContent, type ImageContext, publishImage } from './context.ts';
import type { ImportRequest } from './images.ts';
import { derivedConfig, storeImage } from './make.ts';

export async function importImage(context: ImageContext, request: ImportRequest): Promise<Digest> {
  const reference = repoTagReference(request.repository, request.tag);
  const config = applyChanges({}, request.changes);
  const lease = context.content.lease();
  try {
    const { descriptor, diffId, chain } = await storeLayer(context, request.archive, lease, request.signal);
    const now = new Date().toISOString();
    const imageConfig = derivedConfig(undefined, request.platform ?? hostPlatform(), {
      diffId,
      author: '',
      config,
      history: { created: now, comment: request.message },
    });
    const target = await storeImage(context, { config: imageConfig, layers: [descriptor] }, lease);
    await chain(target);
    context.records.put(target, reference && canonicalName(reference));
    if (reference) publishImage(context, 'tag', target.digest, familiarName(reference));
    publishImage(context, 'import', target.digest, target.digest);
    return target.digest;
  } finally {
    lease[Symbol.dispose]();
    collectContent(context);
  }
}

/** The layer's blob, unpacked as well: only by that its diff id is known. `chain` gives it its place. */
async function storeLayer(context: ImageContext, archive: ByteSource, lease: Lease, signal: AbortSignal) {
  const { start, rest } = await peek(archive, MAGIC_LENGTH);
  const compression = detectCompression(start);
  const packed = compression === 'gzip' || compression === 'zstd';
  const source = packed ? rest : compressGzip(decompressAny(rest));
  const writer = await context.content.blobs.writer();
  const unpacking = context.content.layers.unpack(writer.path);
  writer.onProgress = onDisk => unpacking.available(onDisk);
  try {
    const { digest, size } = await fill(writer, source, lease, signal);
    unpacking.complete(size);
    const { diffId } = await unpacking.result;
    const mediaType = compression === 'zstd' ? MEDIA_TYPES.layerZstd : MEDIA_TYPES.layerGzip;
    const chain = async (target: Descriptor) => {
      const { manifests } = context.content;
      const manifest = manifests.imageManifest(target.digest);
      await context.stacks.build(
        stackOf(manifest, manifests.config(manifest.config.digest)),
        lease,
        signal,
        () => unpacking,
      );
      await unpacking.discard();
    };
    return { descriptor: { mediaType, digest, size }, diffId: diffId as Digest, chain };
  } catch (error) {
    await unpacking.discard();
    throw error;
  }
}

async function fill(writer: BlobWriter, source: ByteSource, lease: Lease, signal: AbortSignal) {
  try {
    for await (const chunk of source) {
      signal.throwIfAborted();
      await writer.write(chunk);
    }
    return await writer.commit({ lease });
  } catch (error) {
    await writer.abort();
    throw error;
  }
}
