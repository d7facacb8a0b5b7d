// Finds out which content nobody refers to any more, and removes it. Works on a registry that is not being served.
import { readFile, rm, stat } from 'node:fs/promises';
import { repositories } from './catalog.ts';
import { namesIn, removeFile } from './files.ts';
import { readManifest } from './manifest-content.ts';
import { type ContentDigest, isContentDigest, type RepositoryName } from './names.ts';
import type { RegistryStore } from './store.ts';

export interface GarbageOptions {
  /** Also manifests that no tag leads to. */
  untagged?: boolean;
  /** Only says what it would do. */
  dryRun?: boolean;
  /** Younger blobs stay: their manifest may still come. */
  graceMs?: number;
}

export interface GarbageResult {
  manifests: string[];
  blobs: ContentDigest[];
  uploads: number;
  bytes: number;
}

const GRACE_MS = 3600_000;

export async function collectGarbage(store: RegistryStore, options: GarbageOptions = {}): Promise<GarbageResult> {
  const { untagged = false, dryRun = false, graceMs = GRACE_MS } = options;
  const result: GarbageResult = { manifests: [], blobs: [], uploads: 0, bytes: 0 };
  const used = new Set<ContentDigest>();
  for (const name of await repositories(store.layout)) {
    const all = await store.manifests.digests(name);
    const kept = untagged ? await reachable(store, name, all) : new Set(all);
    for (const digest of all) {
      if (!kept.has(digest)) {
        result.manifests.push(`${name}@${digest}`);
        if (!dryRun) await store.manifests.delete(name, digest);
        continue;
      }
      used.add(digest);
      for (const part of await partsOf(store, name, digest)) used.add(part);
    }
  }
  if (!dryRun) result.uploads = await store.uploads.removeOld();
  await sweep(store, { used, dryRun, olderThan: Date.now() - graceMs }, result);
  return result;
}

/** From tags down into indexes, and from a subject to what refers to it. */
async function reachable(
  store: RegistryStore,
  name: RepositoryName,
  all: readonly ContentDigest[],
): Promise<Set<ContentDigest>> {
  const reached = new Set<ContentDigest>();
  const waiting: ContentDigest[] = [];
  for (const tag of await store.manifests.tags(name)) {
    const found = await store.manifests.find(name, tag);
    if (found) waiting.push(found.digest);
  }
  const present = new Set(all);
  for (let digest = waiting.pop(); digest !== undefined; digest = waiting.pop()) {
    if (reached.has(digest) || !present.has(digest)) continue;
    reached.add(digest);
    waiting.push(...(await partsOf(store, name, digest)));
    waiting.push(...(await store.manifests.referrers(name, digest)).map(referrer => referrer.digest));
  }
  return reached;
}

async function partsOf(store: RegistryStore, name: RepositoryName, digest: ContentDigest): Promise<ContentDigest[]> {
  const found = await store.manifests.find(name, digest);
  if (!found) return [];
  const { blobs, manifests } = readManifest(await readFile(found.file.path), found.mediaType);
  return [...blobs, ...manifests].map(link => link.digest);
}

interface Sweep {
  used: ReadonlySet<ContentDigest>;
  dryRun: boolean;
  olderThan: number;
}

async function sweep(store: RegistryStore, { used, dryRun, olderThan }: Sweep, result: GarbageResult): Promise<void> {
  const { layout } = store;
  for (const algorithm of await namesIn(layout.blobs)) {
    for (const prefix of await namesIn(`${layout.blobs}/${algorithm}`)) {
      for (const hex of await namesIn(`${layout.blobs}/${algorithm}/${prefix}`)) {
        const digest = `${algorithm}:${hex}`;
        if (!isContentDigest(digest) || used.has(digest)) continue;
        const path = layout.blob(digest);
        const { size, mtimeMs } = await stat(path);
        if (mtimeMs > olderThan) continue;
        result.blobs.push(digest);
        result.bytes += size;
      }
    }
  }
  if (dryRun) return;
  // Links first: a link without its content would be found by a HEAD that promises too much.
  const gone = new Set(result.blobs);
  for (const name of await repositories(store.layout, '_blobs')) {
    for (const algorithm of ['sha256', 'sha512']) {
      const directory = `${layout.repository(name)}/_blobs/${algorithm}`;
      for (const hex of await namesIn(directory)) {
        const digest = `${algorithm}:${hex}`;
        if (isContentDigest(digest) && gone.has(digest)) await removeFile(`${directory}/${hex}`);
      }
    }
  }
  for (const digest of gone) await rm(layout.blob(digest), { force: true });
}
