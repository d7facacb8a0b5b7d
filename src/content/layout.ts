// Where content lives under the data root. Everything that is not complete is in `ingest` or `removing`, which every start
// empties, except for what an unfinished pull or load may go on with.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ChainId, Digest } from '../lib/ids.ts';

export interface ContentLayout {
  /** Content as it came, named by its digest: an OCI layout's blobs. */
  readonly blobs: string;
  /** Unpacked layers, each in a directory of its own. */
  readonly layers: string;
  /** Writable layers, one per container. */
  readonly snapshots: string;
  readonly ingest: string;
  readonly removing: string;
}

export function contentLayout(dataRoot: string): ContentLayout {
  return {
    blobs: join(dataRoot, 'blobs', 'sha256'),
    layers: join(dataRoot, 'layers'),
    snapshots: join(dataRoot, 'snapshots'),
    ingest: join(dataRoot, 'ingest'),
    removing: join(dataRoot, 'removing'),
  };
}

export function hexOf(digest: Digest | ChainId): string {
  return digest.slice('sha256:'.length);
}

export function blobPath(layout: ContentLayout, digest: Digest): string {
  return `${layout.blobs}/${hexOf(digest)}`;
}

/** Holds the layer's files in `diff`, and what is known of it in `layer.json`. */
export function layerDirectory(layout: ContentLayout, chain: ChainId): string {
  return `${layout.layers}/${hexOf(chain)}`;
}

/** A layer that is unpacked whole, of the blob with this digest, as long as it has no place yet. */
export function readyLayerDirectory(layout: ContentLayout, blob: Digest): string {
  return `${layout.ingest}/ready-${hexOf(blob)}`;
}

/** A download that broke off. */
export function partialBlobPath(layout: ContentLayout, blob: Digest): string {
  return `${layout.ingest}/partial-${hexOf(blob)}`;
}

/** What in `ingest` another engine may go on with. */
export function unfinishedIn(layout: ContentLayout): { name: string; kind: 'partial' | 'ready'; blob: Digest }[] {
  return readdirSync(layout.ingest).flatMap(name => {
    const match = /^(partial|ready)-([0-9a-f]{64})$/.exec(name);
    return match ? [{ name, kind: match[1] as 'partial' | 'ready', blob: `sha256:${match[2]}` as Digest }] : [];
  });
}

export function layerFiles(layout: ContentLayout, chain: ChainId): string {
  return `${layerDirectory(layout, chain)}/diff`;
}
