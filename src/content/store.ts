// All content of an engine: blobs, and the layers unpacked from them. What nothing refers to is collected: images and
// snapshots refer to content for good, leases while something is under way.
import { mkdirSync, readdirSync } from 'node:fs';
import type { ChainId, Digest } from '../lib/ids.ts';
import { log } from '../lib/logger.ts';
import { BlobStore } from './blobs.ts';
import { Durability } from './durability.ts';
import { LayerStore } from './layers.ts';
import { type ContentLayout, contentLayout, unfinishedIn } from './layout.ts';
import { ManifestReader } from './manifests.ts';
import { chainIds, childrenOf, type Descriptor, isConfigType, isIndexType, isManifestType } from './oci.ts';
import { dropSuspects } from './recovery.ts';
import { Removals } from './removals.ts';

/** What must stay. */
export interface ContentRoots {
  targets: Iterable<Descriptor>;
  layers: Iterable<ChainId>;
  /** What pulls and loads that have not ended may go on with. */
  unfinished: { targets: readonly Descriptor[]; blobs: Iterable<Digest>; layers: Iterable<ChainId> };
}

export interface ContentOptions {
  parallelUnpacks: number;
  /** How many times a large layer may be larger than its blob. */
  maxLayerRatio: number;
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
  readonly #removals: Removals;

  constructor(dataRoot: string, options: ContentOptions) {
    this.#layout = contentLayout(dataRoot);
    for (const directory of Object.values(this.#layout)) mkdirSync(directory, { recursive: true, mode: 0o711 });
    this.#durability = new Durability(dataRoot);
    this.#removals = new Removals(this.#layout);
    this.blobs = new BlobStore(this.#layout, this.#durability);
    this.layers = new LayerStore(this.#layout, this.#durability, this.#removals, options);
    this.manifests = new ManifestReader(this.blobs);
  }

  /**
   * Once, before anything else uses the store: takes away what a crash left. What an unfinished pull or load may go on with
   * stays: its blobs, downloads that broke off, layers that were unpacked whole.
   */
  async recover(roots: ContentRoots): Promise<void> {
    const suspectSince = this.#durability.suspectSince();
    if (suspectSince !== undefined) {
      await dropSuspects(this.#layout, suspectSince);
      this.#durability.cleared();
    }
    this.#removals.finishEarlier();
    const kept = new Set<string>();
    for (const { name, kind, blob } of unfinishedIn(this.#layout)) {
      // A download is of no use once its blob came another way; a layer can't be checked after a power cut.
      const isOfUse = kind === 'partial' ? !this.blobs.has(blob) : suspectSince === undefined;
      if (isOfUse) kept.add(name);
    }
    for (const name of readdirSync(this.#layout.ingest)) {
      if (!kept.has(name)) this.#removals.removeInBackground(`${this.#layout.ingest}/${name}`);
    }
    const { blobs, layers } = this.collect(roots);
    if (blobs.length + layers.length > 0) log.info('removed content that nothing refers to', { blobs, layers });
  }

  /** Resolves when the files of all that was removed so far are gone. */
  async close(): Promise<void> {
    this.#durability.close();
    await this.layers.close();
    await this.#removals.settled();
  }

  /** Content named in a lease is not collected until the lease is disposed of. */
  lease(): Lease {
    const lease = new Lease(() => this.#leases.delete(lease));
    this.#leases.add(lease);
    return lease;
  }

  /** Removes all content that nothing refers to: in one step, so that nothing can come into use in between. */
  collect(roots: ContentRoots): Collected {
    const unfinished = this.reachable(roots.unfinished.targets).blobs;
    for (const digest of roots.unfinished.blobs) unfinished.add(digest);
    const marked = this.reachable([...roots.targets, ...roots.unfinished.targets]);
    for (const digest of unfinished) marked.blobs.add(digest);
    for (const layers of [roots.layers, roots.unfinished.layers]) for (const chain of layers) marked.layers.add(chain);
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
      this.layers.remove(chain);
    }
    for (const { name, kind, blob } of unfinishedIn(this.#layout)) {
      if (kind === 'partial' ? marked.blobs.has(blob) : unfinished.has(blob) || this.layers.isAwaited(blob)) continue;
      this.#removals.removeInBackground(`${this.#layout.ingest}/${name}`);
    }
    return collected;
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
