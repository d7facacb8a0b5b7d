// Where content lives under the data root. Everything that is not complete is in `ingest` or `removing`, which are
// emptied at every start.
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

export function layerFiles(layout: ContentLayout, chain: ChainId): string {
  return `${layerDirectory(layout, chain)}/diff`;
}
