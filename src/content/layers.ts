// The store of unpacked layers. A layer's directory has its final name only when all of it is there and its diff id is
// right; until then it is under `ingest`, which every start empties.
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { errnoOf, invalid, unavailable } from '../lib/errors.ts';
import { type ChainId, type Digest, isDigest } from '../lib/ids.ts';
import { Semaphore } from '../lib/semaphore.ts';
import type { Durability } from './durability.ts';
import { dressImplied } from './implied-directories.ts';
import { type ContentLayout, layerDirectory, layerFiles } from './layout.ts';
import { LayerUnpacker, type Unpacked } from './unpack/unpacker.ts';

export interface LayerInfo {
  diffId: Digest;
  /** The layer under it. */
  parent?: ChainId;
  /** Sum of its files' lengths. */
  size: number;
}

export class LayerStore {
  readonly #known = new Map<ChainId, LayerInfo>();
  readonly #slots: Semaphore;
  #count = 0;

  constructor(
    private readonly layout: ContentLayout,
    private readonly durability: Durability,
    parallel: number,
  ) {
    this.#slots = new Semaphore(parallel);
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
    const directory = `${this.layout.ingest}/layer-${process.pid}-${++this.#count}`;
    return new UnpackingLayer(directory, openSync(blob, 'r'), this.#slots, this.layout, onRead);
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
      if (!this.has(chain)) renameSync(layer.directory, layerDirectory(this.layout, chain));
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

  /** Takes it out of the store at once, and resolves when its files are gone. */
  async remove(chain: ChainId): Promise<void> {
    const removing = `${this.layout.removing}/layer-${process.pid}-${++this.#count}`;
    this.#known.delete(chain);
    try {
      renameSync(layerDirectory(this.layout, chain), removing);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return;
      throw error;
    }
    await rm(removing, { recursive: true, force: true });
  }

  list(): ChainId[] {
    return readdirSync(this.layout.layers)
      .map(name => `sha256:${name}`)
      .filter(isDigest)
      .map(name => name as string as ChainId);
  }
}

/** A layer that is being unpacked, or is unpacked and has no place yet. */
export class UnpackingLayer {
  readonly result: Promise<Unpacked>;
  #unpacker: LayerUnpacker | undefined;
  #order = { available: 0, complete: false };
  #discarded = false;

  /** Owns the descriptor. */
  constructor(
    readonly directory: string,
    blob: number,
    slots: Semaphore,
    private readonly layout: ContentLayout,
    onRead?: (bytes: number) => void,
  ) {
    this.result = this.#run(blob, slots, onRead);
    this.result.catch(() => {
      // Whoever places it hears of it; whoever discards it does not care.
    });
  }

  async #run(blob: number, slots: Semaphore, onRead?: (bytes: number) => void): Promise<Unpacked> {
    using _slot = await slots.acquire();
    try {
      if (this.#discarded) throw unavailable('unpacking was cancelled');
      mkdirSync(`${this.directory}/diff`, { recursive: true, mode: 0o755 });
      this.#unpacker = new LayerUnpacker(blob, `${this.directory}/diff`, onRead);
    } finally {
      closeSync(blob);
    }
    this.#tell();
    return await this.#unpacker.result;
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

  /** Ends the helper and removes what it made, unless that has been given its place. */
  async discard(): Promise<void> {
    this.#discarded = true;
    await this.#unpacker?.abort();
    const removing = this.directory.replace(this.layout.ingest, this.layout.removing);
    try {
      renameSync(this.directory, removing);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return;
      throw error;
    }
    await rm(removing, { recursive: true, force: true });
  }
}

/** What is known of a layer in the store; undefined if it is not there. */
export function readLayerInfo(layout: ContentLayout, chain: ChainId): LayerInfo | undefined {
  try {
    return JSON.parse(readFileSync(`${layerDirectory(layout, chain)}/layer.json`, 'utf8')) as LayerInfo;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
