// An image's layers, from its blobs to directories: side by side, each once, however many images ask for it.
import { invalid } from '../lib/errors.ts';
import type { ChainId, Digest } from '../lib/ids.ts';
import { SharedTasks } from '../lib/shared-tasks.ts';
import type { UnpackingLayer } from './layers.ts';
import { chainIds, type Descriptor, type ImageConfigFile, type Manifest } from './oci.ts';
import type { ContentStore, Lease } from './store.ts';

export interface StackLayer {
  blob: Descriptor;
  diffId: Digest;
  chain: ChainId;
  parent: ChainId | undefined;
}

/** A manifest's layers as its config names them, lowest first. */
export function stackOf(manifest: Manifest, config: ImageConfigFile): StackLayer[] {
  const diffIds = config.rootfs.diff_ids;
  if (diffIds.length !== manifest.layers.length) {
    throw invalid(`malformed image: ${manifest.layers.length} layers, but ${diffIds.length} diff ids`);
  }
  const chain = chainIds(diffIds);
  return manifest.layers.map((blob, height) => ({
    blob,
    diffId: diffIds[height]!,
    chain: chain[height]!,
    parent: chain[height - 1],
  }));
}

type Unpack = (layer: StackLayer, signal: AbortSignal) => UnpackingLayer | Promise<UnpackingLayer>;

export class StackBuilder {
  readonly #tasks = new SharedTasks<ChainId, void>();

  constructor(private readonly content: ContentStore) {}

  isComplete(stack: readonly StackLayer[]): boolean {
    return stack.every(({ chain }) => this.content.layers.has(chain));
  }

  /**
   * Puts all layers in place. `unpack` begins one that is missing; without it, the blob is in the store. If one fails, the
   * others are stopped.
   */
  async build(
    stack: readonly StackLayer[],
    lease: Lease,
    signal?: AbortSignal,
    unpack: Unpack = ({ blob }) => this.content.layers.unpackStored(blob),
  ): Promise<void> {
    for (const { chain } of stack) lease.layers.add(chain);
    const abort = new AbortController();
    const all = signal ? AbortSignal.any([signal, abort.signal]) : abort.signal;
    const placed = stack.map((_, height) => this.#ensure(stack, height, all, unpack));
    try {
      await Promise.all(placed);
    } catch (error) {
      abort.abort(error);
      await Promise.allSettled(placed);
      throw error;
    }
  }

  async #ensure(stack: readonly StackLayer[], height: number, signal: AbortSignal, unpack: Unpack): Promise<void> {
    const layer = stack[height];
    if (!layer || this.content.layers.has(layer.chain)) return;
    await this.#tasks.run(layer.chain, signal, async inner => {
      const unpacking = await unpack(layer, inner);
      const stop = () => void unpacking.discard();
      inner.addEventListener('abort', stop, { once: true });
      try {
        inner.throwIfAborted();
        await unpacking.result;
        const { parent } = layer;
        if (parent !== undefined && !this.content.layers.has(parent)) await unpacking.makeReady(layer.blob.digest);
        // Asked for by this task, not by whoever began it: they may leave while others still wait for it.
        await this.#ensure(stack, height - 1, inner, unpack);
      } catch (error) {
        await unpacking.discard();
        inner.throwIfAborted();
        throw error;
      } finally {
        inner.removeEventListener('abort', stop);
      }
      const { diffId, blob, parent } = layer;
      await this.content.layers.place(unpacking, layer.chain, { diffId, blob: blob.digest, parent });
    });
  }
}
