// The store of unpacked layers. A layer's directory has its final name only when all of it is there and its diff id is
// right; until then it is under `ingest`. There it is `ready` when it is whole and waits for the layers under it.
import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { errnoOf, invalid, unavailable } from '../lib/errors.ts';
import { type ChainId, type Digest, isDigest } from '../lib/ids.ts';
import { Semaphore } from '../lib/semaphore.ts';
import type { Durability } from './durability.ts';
import { dressImplied } from './implied-directories.ts';
import { blobPath, type ContentLayout, layerDirectory, layerFiles, readyLayerDirectory } from './layout.ts';
import type { Descriptor } from './oci.ts';
import type { Removals } from './removals.ts';
import { UnpackPool } from './unpack/pool.ts';
import type { Unpacked } from './unpack/unpack-process.ts';
import { LayerUnpacker } from './unpack/unpacker.ts';

/** In a layer that is ready: what its helper said of it. */
const READY_NOTE = 'unpacked.json';

export interface LayerInfo {
  diffId: Digest;
  /** The layer under it. */
  parent?: ChainId;
  /** Sum of its files' lengths. */
  size: number;
}

export class LayerStore {
  readonly #known = new Map<ChainId, LayerInfo>();
  readonly #ready: ReadyLayers;
  readonly #slots: Semaphore;
  readonly #pool: UnpackPool;
  #count = 0;

  constructor(
    private readonly layout: ContentLayout,
    private readonly durability: Durability,
    private readonly removals: Removals,
    options: { parallelUnpacks: number; maxLayerRatio: number },
  ) {
    this.#slots = new Semaphore(options.parallelUnpacks);
    this.#pool = new UnpackPool(layout.ingest, options.maxLayerRatio);
    this.#ready = new ReadyLayers(layout, removals);
  }

  has(chain: ChainId): boolean {
    return this.#known.has(chain) || existsSync(layerDirectory(this.layout, chain));
  }

  /** Undefined if it is not here. */
  info(chain: ChainId): LayerInfo | undefined {
    const known = this.#known.get(chain);
    if (known) return known;
    const info = readLayerInfo(this.layout, chain);
    if (info) this.#known.set(chain, info);
    return info;
  }

  files(chain: ChainId): string {
    return layerFiles(this.layout, chain);
  }

  /**
   * Begins to unpack a blob that may still grow, as soon as there is a free slot. The file may be moved meanwhile. The owner
   * must `place` or `discard` what comes of it.
   */
  unpack(blob: string, onRead?: (bytes: number) => void): UnpackingLayer {
    const name = `layer-${process.pid}-${++this.#count}`;
    // By this name a helper finds it, wherever it is moved.
    const link = `${name}.blob`;
    linkSync(blob, `${this.#pool.home}/${link}`);
    const origin = { link, slots: this.#slots, pool: this.#pool, onRead };
    return new UnpackingLayer(`${this.#pool.home}/${name}`, origin, this.#ready);
  }

  /** The same for a blob in the store. What an earlier engine has unpacked of it is gone on with. */
  unpackStored(blob: Descriptor, onRead?: (bytes: number) => void): UnpackingLayer {
    const ready = this.#ready.take(blob.digest);
    if (ready)
      return new UnpackingLayer(ready.directory, { ready: blob.digest, unpacked: ready.unpacked }, this.#ready);
    const unpacking = this.unpack(blobPath(this.layout, blob.digest), onRead);
    unpacking.complete(blob.size);
    return unpacking;
  }

  /** Ends helpers that wait for more to do. */
  close(): Promise<void> {
    return this.#pool.close();
  }

  /** True for one that waits for its place in this process. */
  isAwaited(readyLayer: Digest): boolean {
    return this.#ready.isTaken(readyLayer);
  }

  /**
   * Gives an unpacked layer its place, if it is the layer it should be. The layer under it must be in its place already.
   * The blob's digest is the diff id of a layer that is not packed.
   */
  async place(
    layer: UnpackingLayer,
    chain: ChainId,
    expected: { diffId: Digest; blob: Digest; parent: ChainId | undefined },
  ): Promise<void> {
    try {
      const unpacked = await layer.result;
      const diffId = unpacked.diffId ?? expected.blob;
      if (diffId !== expected.diffId) {
        throw invalid(`layer ${expected.blob} unpacks to ${diffId}, but the image says ${expected.diffId}`);
      }
      if (this.has(chain)) return;
      await dressImplied(`${layer.directory}/diff`, unpacked.implied, this.#filesFrom(expected.parent));
      const info: LayerInfo = { diffId: expected.diffId, parent: expected.parent, size: unpacked.size };
      writeFileSync(`${layer.directory}/layer.json`, JSON.stringify(info));
      await this.durability.beforeChange();
      // Somebody else may have been faster while we waited.
      if (!this.has(chain)) {
        const directory = layerDirectory(this.layout, chain);
        renameSync(layer.directory, directory);
        // Of no interest any more; but without it, a crash before this would have had the layer unpacked again.
        this.#ready.forgetNote(directory);
      }
      this.#known.set(chain, info);
    } finally {
      await layer.discard();
    }
  }

  /** Directories of a layer and of all that lie under it, topmost first. */
  #filesFrom(chain: ChainId | undefined): string[] {
    const files: string[] = [];
    for (let at = chain; at !== undefined; at = this.info(at)?.parent) files.push(this.files(at));
    return files;
  }

  /** Takes it out of the store at once; its files go in the background. */
  remove(chain: ChainId): void {
    this.#known.delete(chain);
    this.removals.removeInBackground(layerDirectory(this.layout, chain));
  }

  list(): ChainId[] {
    return readdirSync(this.layout.layers)
      .map(name => `sha256:${name}`)
      .filter(isDigest)
      .map(name => name as string as ChainId);
  }
}

type Origin =
  /** Owns the link, which lies where the pool's helpers see it. */
  | { link: string; slots: Semaphore; pool: UnpackPool; onRead?: (bytes: number) => void }
  | { ready: Digest; unpacked: Unpacked };

/** A layer that is being unpacked, or is unpacked and has no place yet. */
export class UnpackingLayer {
  readonly result: Promise<Unpacked>;
  #directory: string;
  #unpacker: LayerUnpacker | undefined;
  #link: string | undefined;
  #order = { available: 0, complete: false };
  #discarded = false;
  /** The blob by which it is ready. */
  #readyFor: Digest | undefined;

  constructor(
    directory: string,
    origin: Origin,
    private readonly ready: ReadyLayers,
  ) {
    this.#directory = directory;
    if ('ready' in origin) this.#readyFor = origin.ready;
    this.result = 'ready' in origin ? Promise.resolve(origin.unpacked) : this.#run(origin);
    this.result.catch(() => {
      // Whoever places it hears of it; whoever discards it does not care.
    });
  }

  get directory(): string {
    return this.#directory;
  }

  async #run({ link, slots, pool, onRead }: Extract<Origin, { link: string }>): Promise<Unpacked> {
    this.#link = `${pool.home}/${link}`;
    try {
      using _slot = await slots.acquire();
      if (this.#discarded) throw unavailable('unpacking was cancelled');
      mkdirSync(`${this.directory}/diff`, { recursive: true, mode: 0o755 });
      this.#unpacker = new LayerUnpacker(pool, { directory: `${basename(this.directory)}/diff`, blob: link }, onRead);
      this.#tell();
      return await this.#unpacker.result;
    } finally {
      this.#removeLink();
    }
  }

  #removeLink(): void {
    if (this.#link !== undefined) rmSync(this.#link, { force: true });
    this.#link = undefined;
  }

  /** So many bytes of the blob are on disk. */
  available(bytes: number): void {
    this.#order = { available: bytes, complete: false };
    this.#tell();
  }

  complete(bytes: number): void {
    this.#order = { available: bytes, complete: true };
    this.#tell();
  }

  #tell(): void {
    const { available, complete } = this.#order;
    if (complete) this.#unpacker?.complete(available);
    else if (available > 0) this.#unpacker?.available(available);
  }

  /** It may wait for its place for long: from now on an engine after a crash finds it, if it knows of an unfinished load or pull of this blob. */
  async makeReady(blob: Digest): Promise<void> {
    const unpacked = await this.result;
    if (this.#discarded || this.#readyFor !== undefined) return;
    const directory = this.ready.put(this.directory, blob, unpacked);
    if (directory === undefined) return;
    this.#directory = directory;
    this.#readyFor = blob;
  }

  /** Ends the helper and removes what it made, unless that has been given its place. */
  async discard(): Promise<void> {
    this.#discarded = true;
    await this.#unpacker?.abort();
    this.#removeLink();
    const removed = this.ready.remove(this.directory);
    if (this.#readyFor !== undefined) this.ready.release(this.#readyFor);
    this.#readyFor = undefined;
    await removed;
  }
}

/** Layers that are unpacked whole and wait for their place, by the blobs they are of. Each has one owner in a process. */
class ReadyLayers {
  readonly #taken = new Set<Digest>();

  constructor(
    private readonly layout: ContentLayout,
    private readonly removals: Removals,
  ) {}

  /** Returns where it is then; undefined if the same is there already. */
  put(directory: string, blob: Digest, unpacked: Unpacked): string | undefined {
    const ready = readyLayerDirectory(this.layout, blob);
    if (existsSync(ready)) return undefined;
    writeFileSync(`${directory}/${READY_NOTE}`, JSON.stringify(unpacked));
    renameSync(directory, ready);
    this.#taken.add(blob);
    return ready;
  }

  take(blob: Digest): { directory: string; unpacked: Unpacked } | undefined {
    if (this.#taken.has(blob)) return undefined;
    const directory = readyLayerDirectory(this.layout, blob);
    const note = readIfThere(`${directory}/${READY_NOTE}`);
    if (note === undefined) return undefined;
    this.#taken.add(blob);
    return { directory, unpacked: JSON.parse(note) as Unpacked };
  }

  isTaken(blob: Digest): boolean {
    return this.#taken.has(blob);
  }

  release(blob: Digest): void {
    this.#taken.delete(blob);
  }

  forgetNote(directory: string): void {
    rmSync(`${directory}/${READY_NOTE}`, { force: true });
  }

  remove(directory: string): Promise<void> {
    return this.removals.remove(directory);
  }
}

/** What is known of a layer in the store; undefined if it is not there. */
export function readLayerInfo(layout: ContentLayout, chain: ChainId): LayerInfo | undefined {
  const note = readIfThere(`${layerDirectory(layout, chain)}/layer.json`);
  return note === undefined ? undefined : (JSON.parse(note) as LayerInfo);
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
