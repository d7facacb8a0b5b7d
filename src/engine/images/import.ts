// docker import: a root file system's tar becomes an image of one layer.
import type { BlobWriter } from '../../content/blobs.ts';
import { type Descriptor, MEDIA_TYPES } from '../../content/oci.ts';
import { stackOf } from '../../content/stack.ts';
import type { Lease } from '../../content/store.ts';
import {
  compressGzip,
  decompressAny,
  detectCompression,
  MAGIC_LENGTH,
  NOT_A_TAR,
  peek,
} from '../../lib/compression.ts';
import { failed, invalid, isKind, messageOf, unavailable } from '../../lib/errors.ts';
import type { Digest } from '../../lib/ids.ts';
import { hostPlatform } from '../../lib/platform.ts';
import { canonicalName, familiarName, repoTagReference } from '../../lib/reference.ts';
import type { ByteSource } from '../../lib/streams.ts';
import { INVALID_HEADER } from '../../lib/tar/parser.ts';
import { proxyFor } from '../../registry/endpoints.ts';
import { bodyOf } from '../../registry/transport.ts';
import { applyChanges } from './changes.ts';
import { collectContent, type ImageContext, publishImage } from './context.ts';
import type { ImportRequest, ProgressMessage } from './images.ts';
import { derivedConfig, storeImage } from './make.ts';
import { type Report, Steps, withProgress } from './progress.ts';
import type { Registries } from './transfer/registries.ts';

export interface ImportContext extends ImageContext {
  readonly registries: Registries;
}

export function importImage(context: ImportContext, request: ImportRequest): AsyncIterable<ProgressMessage> {
  return withProgress(request.signal, async (report, signal) => {
    const reference = repoTagReference(request.repository, request.tag);
    const config = applyChanges({}, request.changes);
    const archive =
      'url' in request.archive ? await download(context, request.archive.url, report, signal) : request.archive;
    const lease = context.content.lease();
    try {
      const { descriptor, diffId, place } = await storeLayer(context, archive, lease, signal);
      const imageConfig = derivedConfig(undefined, request.platform ?? hostPlatform(), {
        diffId,
        author: '',
        config,
        history: { created: new Date().toISOString(), comment: request.message },
      });
      const target = await storeImage(context, { config: imageConfig, layers: [descriptor] }, lease);
      await place(target);
      context.records.put(target, reference && canonicalName(reference));
      if (reference) publishImage(context, 'tag', target.digest, familiarName(reference));
      publishImage(context, 'import', target.digest, target.digest);
      report({ status: target.digest });
    } finally {
      lease[Symbol.dispose]();
      collectContent(context);
    }
  });
}

async function download(
  context: ImportContext,
  text: string,
  report: Report,
  signal: AbortSignal,
): Promise<ByteSource> {
  const address = text.includes('://') ? text : `http://${text}`;
  if (!URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol)) throw invalid(`invalid URL ${text}`);
  const url = new URL(address);
  const proxy = proxyFor(url, context.registries.config);
  let response: Response;
  try {
    response = await fetch(url, { signal, decompress: false, proxy });
  } catch (error) {
    signal.throwIfAborted();
    throw unavailable(`could not get ${url.href}: ${messageOf(error)}`, error);
  }
  if (!response.ok) throw failed(`failed to GET ${url.href} with status ${response.status} ${response.statusText}`);
  report({ status: `Downloading from ${url.href}` });
  const total = Number(response.headers.get('content-length') ?? 0);
  return counted(bodyOf(response, url.host, signal), new Steps(report, '', 'Importing', total));
}

async function* counted(source: ByteSource, steps: Steps): ByteSource {
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.length;
    steps.at(bytes);
    yield chunk;
  }
}

/** The layer's blob, unpacked as well: only by that its diff id is known. `place` gives it its place. */
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
    const place = async (target: Descriptor) => {
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
    return { descriptor: { mediaType, digest, size }, diffId: diffId as Digest, place };
  } catch (error) {
    await unpacking.discard();
    throw unusable(error);
  }
}

/** With Docker's status: for a bad archive, too, it is an error of its own. */
function unusable(error: unknown): unknown {
  if (!isKind(error, 'invalid')) return error;
  const reason = messageOf(error);
  const hint = reason === INVALID_HEADER ? `${NOT_A_TAR}, or damaged (${reason})` : reason;
  return failed(`Error processing tar file: ${hint}`, error);
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
