// What an image takes up and holds, platform by platform: for list, inspect and disk usage.
import { chainIds, type Descriptor } from '../../content/oci.ts';
import type { ChainId, Digest } from '../../lib/ids.ts';
import { familiarRepository, parseReference } from '../../lib/reference.ts';
import type { ImageManifestSummary } from '../../wire/types.ts';
import { familiar, type ImageContext } from './context.ts';
import type { ImageUser } from './images.ts';
import type { ImageRecord } from './records.ts';
import { type PlatformManifest, platformManifests } from './resolve.ts';

export interface ImageContents {
  manifests: ImageManifestSummary[];
  /** Blobs that are here, the index's own included. */
  blobs: Map<Digest, number>;
  layers: Map<ChainId, number>;
  containers: number;
  /** Blobs and unpacked layers together. */
  size: number;
}

export function contentsOf(context: ImageContext, record: ImageRecord): ImageContents {
  const users = context.users.usersOf(record.target.digest);
  const blobs = new Map<Digest, number>();
  const layers = new Map<ChainId, number>();
  const manifests = platformManifests(context.content.manifests, record.target).map(each => {
    for (const [digest, size] of blobsOf(context, each)) blobs.set(digest, size);
    for (const chain of chainIds(each.config?.rootfs.diff_ids ?? [])) {
      const info = context.content.layers.info(chain);
      if (info) layers.set(chain, info.size);
    }
    return manifestSummary(context, each, users);
  });
  const own = context.content.blobs.size(record.target.digest);
  if (own !== undefined) blobs.set(record.target.digest, own);
  const sum = (sizes: Iterable<number>) => [...sizes].reduce((total, size) => total + size, 0);
  return { manifests, blobs, layers, containers: users.length, size: sum(blobs.values()) + sum(layers.values()) };
}

/** What is here of a manifest's blobs. */
function blobsOf(context: ImageContext, { descriptor, manifest }: PlatformManifest): [Digest, number][] {
  const wanted: Descriptor[] = [descriptor, ...(manifest ? [manifest.config, ...manifest.layers] : [])];
  const present: [Digest, number][] = [];
  for (const { digest } of wanted) {
    const size = context.content.blobs.size(digest);
    if (size !== undefined) present.push([digest, size]);
  }
  return present;
}

export function manifestSummary(
  context: ImageContext,
  each: PlatformManifest,
  users: readonly ImageUser[],
): ImageManifestSummary {
  const { descriptor, manifest, kind, platform, config } = each;
  const present = new Map(blobsOf(context, each));
  const content = [...present.values()].reduce((total, size) => total + size, 0);
  const chain = chainIds(config?.rootfs.diff_ids ?? []);
  const unpacked = chain.reduce((total, id) => total + (context.content.layers.info(id)?.size ?? 0), 0);
  const wanted = manifest ? [manifest.config, ...manifest.layers] : [];
  return {
    ID: descriptor.digest,
    Descriptor: descriptor,
    Available: manifest !== undefined && wanted.every(({ digest }) => present.has(digest)),
    Size: { Total: content + (kind === 'image' ? unpacked : 0), Content: content },
    Kind: kind,
    ...(kind === 'image' && {
      ImageData: {
        Platform: platform ?? { architecture: '', os: '' },
        Containers: users.filter(user => user.manifest === descriptor.digest).map(user => user.id),
        Size: { Unpacked: unpacked },
      },
    }),
    ...(kind === 'attestation' && {
      AttestationData: { For: descriptor.annotations?.['vnd.docker.reference.digest'] ?? '' },
    }),
  };
}

/** busybox:latest, and busybox@sha256:... for each repository it is known in. */
export function repoNames(context: ImageContext, id: Digest): { tags: string[]; digests: string[] } {
  const names = context.records.namesOf(id);
  const tags = names.filter(name => !name.includes('@')).map(familiar);
  const repositories = names.map(name => familiarRepository(parseReference(name)));
  return { tags, digests: [...new Set(repositories)].map(repository => `${repository}@${id}`) };
}

/** Bytes of an image that other images have as well. */
export function sharedSizes(contents: readonly ImageContents[]): number[] {
  const owners = new Map<string, number>();
  const parts = contents.map(({ blobs, layers }) => [
    ...[...blobs].map(([digest, size]) => ({ key: `blob ${digest}`, size })),
    ...[...layers].map(([chain, size]) => ({ key: `layer ${chain}`, size })),
  ]);
  for (const { key } of parts.flat()) owners.set(key, (owners.get(key) ?? 0) + 1);
  return parts.map(each => each.reduce((total, { key, size }) => total + (owners.get(key)! > 1 ? size : 0), 0));
}
