// Manifests, indexes and configs out of the store, parsed once: what a digest names never changes.
import { isKind, notFound } from '../lib/errors.ts';
import type { Digest } from '../lib/ids.ts';
import type { BlobStore } from './blobs.ts';
import { type ImageConfigFile, type Index, type Manifest, parseConfig, parseManifest } from './oci.ts';

/** Far more than an engine usually has; then the oldest go. */
const MAX_KEPT = 4000;

export class ManifestReader {
  readonly #manifests = new Map<Digest, Manifest | Index>();
  readonly #configs = new Map<Digest, ImageConfigFile>();

  constructor(private readonly blobs: BlobStore) {}

  /** Throws notFound if it is not here, invalid if it is none. */
  manifest(digest: Digest): Manifest | Index {
    return remember(this.#manifests, digest, () => parseManifest(this.blobs.readSmall(digest)));
  }

  config(digest: Digest): ImageConfigFile {
    return remember(this.#configs, digest, () => parseConfig(this.blobs.readSmall(digest)));
  }

  /** Undefined if it is not here, or makes no sense. */
  manifestIfPresent(digest: Digest): Manifest | Index | undefined {
    return ifPresent(() => this.manifest(digest));
  }

  configIfPresent(digest: Digest): ImageConfigFile | undefined {
    return ifPresent(() => this.config(digest));
  }

  /** Its blob is gone from the store. */
  forget(digest: Digest): void {
    this.#manifests.delete(digest);
    this.#configs.delete(digest);
  }

  /** A single-platform manifest. */
  imageManifest(digest: Digest): Manifest {
    const manifest = this.manifest(digest);
    if (manifest.kind !== 'manifest') throw notFound(`${digest} is an index, not one platform's image`);
    return manifest;
  }
}

function remember<T>(kept: Map<Digest, T>, digest: Digest, read: () => T): T {
  const known = kept.get(digest);
  if (known) return known;
  const value = read();
  if (kept.size >= MAX_KEPT) kept.delete(kept.keys().next().value!);
  kept.set(digest, value);
  return value;
}

function ifPresent<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (isKind(error, 'notFound') || isKind(error, 'invalid')) return undefined;
    throw error;
  }
}
