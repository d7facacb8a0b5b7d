// All content of an engine: blobs, and the layers unpacked from them. What nothing refers to is collected: images and
// snapshots refer to content for good, leases while something is under way.
import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { messageOf } from '../lib/errors.ts';
import type { ChainId, Digest } from '../lib/ids.ts';
import { log } from '../lib/logger.ts';
import { BlobStore } from './blobs.ts';
import { Durability } from './durability.ts';
import { LayerStore } from './layers.ts';
import { type ContentLayout, contentLayout } from './layout.ts';
import { ManifestReader } from './manifests.ts';
import { chainIds, childrenOf, type Descriptor, isConfigType, isIndexType, isManifestType } from './oci.ts';
import { dropSuspects } from './recovery.ts';

/** What must stay. */
export interface ContentRoots {
  targets: Iterable<Descriptor>;
  layers: Iterable<ChainId>;
}

export interface Collected {
  blobs: Digest[];
  layers: ChainId[];
  bytes: number;
}

export class ContentStore {
  readonly blobs: BlobStore;
  readonly layers: LayerStore;
  readonly manifests: ManifestReader;
  readonly #layout: ContentLayout;
  readonly #durability: Durability;
  readonly #leases = new Set<Lease>();
  readonly #removals = new Set<Promise<void>>();

  constructor(dataRoot: string, options: { parallelUnpacks: number }) {
    this.#layout = contentLayout(dataRoot);
    for (const directory of Object.values(this.#layout)) mkdirSync(directory, { recursive: true, mode: 0o711 });
    this.#durability = new Durability(dataRoot);
    this.blobs = new BlobStore(this.#layout, this.#durability);
    this.layers = new LayerStore(this.#layout, this.#durability, options.parallelUnpacks);
    this.manifests = new ManifestReader(this.blobs);
  }

  /**
   * Once, before anything else uses the store: takes away what a crash left. Downloads that broke off are kept like blobs,
   * so that the same command can go on where it was; unless the blob has come in another way since.
   */
  async recover(roots: ContentRoots): Promise<void> {
    const suspectSince = this.#durability.suspectSince();
    if (suspectSince !== undefined) {
      await dropSuspects(this.#layout, suspectSince);
      this.#durability.cleared();
    }
    const kept = new Set(this.#partials().flatMap(({ name, digest }) => (this.blobs.has(digest) ? [] : [name])));
    for (const name of readdirSync(this.#layout.ingest)) {
      if (kept.has(name)) continue;
      renameSync(`${this.#layout.ingest}/${name}`, `${this.#layout.removing}/${name}-${Date.now()}`);
    }
    const { blobs, layers } = this.collect(roots);
    if (blobs.length + layers.length > 0) log.info('removed content that nothing refers to', { blobs, layers });
    this.#emptyRemoving();
  }

  /** Nothing waits for these files to go. */
  #emptyRemoving(): void {
    for (const name of readdirSync(this.#layout.removing)) {
      this.#inBackground(rm(`${this.#layout.removing}/${name}`, { recursive: true, force: true }));
    }
  }

  #inBackground(removal: Promise<void>): void {
    const done = removal
      .catch((error: unknown) => log.warn('could not remove what is no longer needed', { error: messageOf(error) }))
      .finally(() => this.#removals.delete(done));
    this.#removals.add(done);
  }

  /** Resolves when the files of all that was removed so far are gone. */
  async close(): Promise<void> {
    this.#durability.close();
    await Promise.all(this.#removals);
  }

  /** Content named in a lease is not collected until the lease is disposed of. */
  lease(): Lease {
    const lease = new Lease(() => this.#leases.delete(lease));
    this.#leases.add(lease);
    return lease;
  }

  /** Removes all content that nothing refers to: in one step, so that nothing can come into use in between. */
  collect(roots: ContentRoots): Collected {
    const marked = this.reachable(roots.targets);
    for (const chain of roots.layers) marked.layers.add(chain);
    for (const lease of this.#leases) {
      for (const digest of lease.blobs) marked.blobs.add(digest);
      for (const chain of lease.layers) marked.layers.add(chain);
    }
    // A layer that stays keeps those it stands on.
    for (const chain of [...marked.layers]) {
      for (let at = this.layers.info(chain)?.parent; at !== undefined; at = this.layers.info(at)?.parent) {
        marked.layers.add(at);
      }
    }
    const collected: Collected = { blobs: [], layers: [], bytes: 0 };
    for (const digest of this.blobs.list()) {
      if (marked.blobs.has(digest)) continue;
      collected.bytes += this.blobs.size(digest) ?? 0;
      collected.blobs.push(digest);
      this.blobs.remove(digest);
      this.manifests.forget(digest);
    }
    for (const chain of this.layers.list()) {
      if (marked.layers.has(chain)) continue;
      collected.bytes += this.layers.info(chain)?.size ?? 0;
      collected.layers.push(chain);
      this.#inBackground(this.layers.remove(chain));
    }
    for (const { name, digest } of this.#partials()) {
      if (!marked.blobs.has(digest)) rmSync(`${this.#layout.ingest}/${name}`, { force: true });
    }
    return collected;
  }

  /** Downloads that broke off. */
  #partials(): { name: string; digest: Digest }[] {
    return readdirSync(this.#layout.ingest).flatMap(name => {
      const partial = /^partial-([0-9a-f]{64})$/.exec(name);
      return partial ? [{ name, digest: `sha256:${partial[1]}` as Digest }] : [];
    });
  }

  /** Everything that these point at, as far as it is here; but not by way of `except`. */
  reachable(
    targets: Iterable<Descriptor>,
    except: readonly Descriptor[] = [],
  ): { blobs: Set<Digest>; layers: Set<ChainId> } {
    const blobs = new Set<Digest>();
    const layers = new Set<ChainId>();
    const barred = new Set(except.map(({ digest }) => digest));
    const waiting = [...targets];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const { digest, mediaType } = next;
      if (blobs.has(digest) || barred.has(digest)) continue;
      blobs.add(digest);
      if (isIndexType(mediaType) || isManifestType(mediaType)) {
        const content = this.manifests.manifestIfPresent(digest);
        if (content) waiting.push(...childrenOf(content));
      } else if (isConfigType(mediaType)) {
        const config = this.manifests.configIfPresent(digest);
        for (const chain of chainIds(config?.rootfs.diff_ids ?? [])) layers.add(chain);
      }
    }
    return { blobs, layers };
  }
}

export class Lease implements Disposable {
  readonly blobs = new Set<Digest>();
  readonly layers = new Set<ChainId>();

  constructor(private readonly release: () => void) {}

  [Symbol.dispose](): void {
    this.release();
  }
}
