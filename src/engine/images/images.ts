// Images as containers see them: something to look up, and a root file system to stand on.
import type { ChainId, Digest } from '../../lib/ids.ts';
import type { ContainerConfig, ImageConfig } from '../../wire/types.ts';

export interface Image {
  /** The digest of what the name points at (manifest or index). */
  id: Digest;
  /** The digest of the platform's config blob. */
  configDigest: Digest;
  os: string;
  architecture: string;
  variant: string;
  config: ImageConfig;
  /** Stack of layers, lowest first, by chain id. Empty for an image without layers. */
  layers: readonly ChainId[];
  created: string;
}

export interface Images {
  /** By name, digest, id or unique id prefix. Throws notFound with Docker's words. */
  get(reference: string, platform?: string): Image;
  /** Makes an image of a writable layer. Resolves to its id once it is stored. */
  commit(request: CommitImageRequest): Promise<Digest>;
}

export interface CommitImageRequest {
  /** The writable layer: its snapshot's key, and where its files are. */
  snapshot: string;
  upperDirectory: string;
  /** The image under it; '' for none. */
  base: Digest | '';
  container: string;
  /** The container's configuration; `override`, where given, replaces parts of it, then `changes` (Dockerfile lines) do. */
  config: ContainerConfig;
  override?: ContainerConfig;
  changes: readonly string[];
  author: string;
  comment: string;
  repository: string;
  tag: string;
}

export type { Snapshots } from '../../content/snapshots.ts';
