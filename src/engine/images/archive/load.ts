// docker load: all images of an archive, or none.
import { attestationFor, childrenOf, type Descriptor, isLayerType } from '../../../content/oci.ts';
import { stackOf } from '../../../content/stack.ts';
import type { Lease } from '../../../content/store.ts';
import { invalid, notFound } from '../../../lib/errors.ts';
import { formatPlatform, type Platform, samePlatform } from '../../../lib/platform.ts';
import { collectContent, familiar, type ImageContext, publishImage } from '../context.ts';
import type { LoadRequest, ProgressMessage } from '../images.ts';
import { type Report, withProgress } from '../progress.ts';
import { contentOnlyOf } from '../remove.ts';
import { chooseIfAny, type PresentManifest, platformManifests } from '../resolve.ts';
import { mayGoOn } from '../unfinished.ts';
import { type ArchivedImage, imagesIn } from './contents.ts';
import { IngestedArchive } from './ingest.ts';

export function loadImages(context: ImageContext, request: LoadRequest): AsyncIterable<ProgressMessage> {
  return withProgress(request.signal, (report, signal) => load(context, request, report, signal));
}

async function load(context: ImageContext, request: LoadRequest, report: Report, signal: AbortSignal): Promise<void> {
  const lease = context.content.lease();
  const archive = new IngestedArchive(context, lease, request.quiet ? () => {} : report);
  try {
    await archive.read(request.archive, signal);
    const images = await imagesIn(archive, context.content, lease);
    for (const image of images) {
      checkContent(context, image.target, lease);
      await unpack(context, image, request.platforms, archive, lease, signal);
    }
    signal.throwIfAborted();
    for (const { target, name } of images) {
      context.records.put(target, name);
      const shown = name === undefined ? `image ID: ${target.digest}` : `image: ${familiar(name)}`;
      report({ stream: `Loaded ${shown}\n` });
      publishImage(context, 'load', target.digest, target.digest);
    }
    if (request.platforms.length > 0)
      for (const image of images) dropOthers(context, image, request.platforms, archive);
    context.unfinished.loadEnded(archive.loaded);
  } catch (error) {
    if (!mayGoOn(error)) context.unfinished.loadEnded(archive.loaded);
    throw error;
  } finally {
    await archive.close();
    lease[Symbol.dispose]();
    // What was in the archive and belongs to no image; all of it if it was a bad one.
    collectContent(context);
  }
}

/** Everything an image refers to has the size that is stated, as far as it is here. */
function checkContent(context: ImageContext, target: Descriptor, lease: Lease): void {
  const { blobs, manifests } = context.content;
  for (const each of platformManifests(manifests, target)) {
    for (const child of each.manifest ? childrenOf(each.manifest) : []) {
      lease.blobs.add(child.digest);
      const size = blobs.size(child.digest);
      if (size !== undefined && size !== child.size) {
        throw invalid(`invalid archive: ${child.digest} has ${size} bytes, but the manifest says ${child.size}`);
      }
    }
  }
  if (!blobs.has(target.digest)) throw invalid(`invalid archive: the manifest ${target.digest} is missing`);
}

/** None of its platforms can be used: that is as it should be if they are somewhere else, but not if only a config is. */
function checkConfigs({ content }: ImageContext, target: Descriptor): void {
  for (const { kind, manifest, config } of platformManifests(content.manifests, target)) {
    if (kind === 'image' && manifest && !config) {
      throw invalid(`invalid archive: the configuration ${manifest.config.digest} is missing`);
    }
  }
}

/** Those of the wanted platforms; without any, the one that this machine runs. */
async function unpack(
  context: ImageContext,
  { target, name }: ArchivedImage,
  platforms: readonly Platform[],
  archive: IngestedArchive,
  lease: Lease,
  signal: AbortSignal,
): Promise<void> {
  const { manifests } = context.content;
  const wanted: (PresentManifest | undefined)[] =
    platforms.length === 0
      ? [chooseIfAny(manifests, target, undefined)]
      : platforms.map(platform => presentPlatform(context, target, platform, name));
  if (!wanted[0]) checkConfigs(context, target);
  for (const chosen of wanted) {
    // An artifact of another kind, or an image whose platforms are all somewhere else, is kept as it is.
    if (!chosen?.manifest.layers.every(({ mediaType }) => isLayerType(mediaType))) continue;
    const missing = chosen.manifest.layers.find(({ digest }) => !context.content.blobs.has(digest));
    if (missing) throw invalid(`invalid archive: the layer ${missing.digest} is missing`);
    const stack = stackOf(chosen.manifest, chosen.config);
    archive.places(stack.map(({ chain }) => chain));
    await context.stacks.build(stack, lease, signal, layer => {
      return archive.takeUnpacking(layer.blob.digest) ?? context.content.layers.unpackStored(layer.blob);
    });
  }
}

/** Of the platforms that nobody asked for, what this archive brought. */
function dropOthers(
  context: ImageContext,
  { target }: ArchivedImage,
  wanted: readonly Platform[],
  archive: IngestedArchive,
): void {
  const { blobs, manifests } = context.content;
  const all = platformManifests(manifests, target);
  const kept = all.filter(({ platform }) => platform && wanted.some(each => samePlatform(each, platform)));
  const others = all.filter(
    each =>
      !kept.includes(each) && !kept.some(({ descriptor }) => attestationFor(each.descriptor) === descriptor.digest),
  );
  if (kept.length === 0 || others.length === 0) return;
  for (const digest of contentOnlyOf(
    context,
    others.map(({ descriptor }) => descriptor),
  )) {
    if (!archive.added.has(digest)) continue;
    blobs.remove(digest);
    manifests.forget(digest);
  }
}

function presentPlatform(context: ImageContext, target: Descriptor, wanted: Platform, name: string | undefined) {
  const chosen = chooseIfAny(context.content.manifests, target, wanted);
  if (chosen && samePlatform(chosen.platform, wanted)) return chosen;
  const shown = name === undefined ? target.digest : familiar(name);
  throw notFound(`image ${shown} was loaded, but doesn't provide the requested platform ([${formatPlatform(wanted)}])`);
}
