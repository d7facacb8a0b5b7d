// Images as containers see them: something to look up, and a root file system to stand on.
import type { Descriptor } from '../../content/oci.ts';
import type { ChainId, Digest } from '../../lib/ids.ts';
import type { Platform } from '../../lib/platform.ts';
import type { Reference } from '../../lib/reference.ts';
import type { ByteSource } from '../../lib/streams.ts';
import type { Credentials } from '../../registry/session.ts';
import type {
  ContainerConfig,
  DistributionInspect,
  ImageConfig,
  ImageDeleteResponseItem,
  ImageHistoryResponseItem,
  ImageInspect,
  ImageSummary,
} from '../../wire/types.ts';

export interface Image {
  /** The digest of what the name points at (manifest or index). */
  id: Digest;
  /** The manifest of the platform. */
  manifest: Descriptor;
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
  /** Whether the reference leads to this image: not where it leads to another, or to none, by now. */
  leadsTo(reference: string, id: Digest): boolean;
  /**
   * Before a container is made of it: throws forbidden if the trust policy refuses it under the name that was asked for.
   * Resolves to warnings; undefined where there is nothing to check, which is usual.
   */
  admit(image: Image, reference: string, options: { signatureRequired: boolean }): Promise<string[]> | undefined;
  /** Before a snapshot of it is made: unpacks layers that are not. Undefined when all is there, which is usual. */
  prepare(image: Image): Promise<void> | undefined;
  /** Makes an image of a writable layer. Resolves to its id once it is stored. */
  commit(request: CommitImageRequest): Promise<Digest>;
}

export interface CommitImageRequest {
  /** The writable layer: its snapshot's key, and where its files are. */
  snapshot: string;
  upperDirectory: string;
  /** The image under it, and its platform's manifest; '' for none. */
  base: Digest | '';
  manifest: Digest | '';
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

export type Filters = Readonly<Record<string, readonly string[]>>;

export interface ListImagesQuery {
  all: boolean;
  filters: Filters;
  sharedSize: boolean;
  manifests: boolean;
}

export interface ImportRequest {
  /** The root file system as a tar, packed in any way; or where it is to be had (http or https). */
  archive: ByteSource | { url: string };
  repository: string;
  tag: string;
  message: string;
  changes: readonly string[];
  platform: Platform | undefined;
  signal: AbortSignal;
}

export interface LoadRequest {
  archive: ByteSource;
  /** Only these; all without any. */
  platforms: readonly Platform[];
  quiet: boolean;
  signal: AbortSignal;
}

/** One line of the JSON stream in which long operations tell how far they are. */
export interface ProgressMessage {
  status?: string;
  id?: string;
  progressDetail?: { current?: number; total?: number };
  progress?: string;
  stream?: string;
  aux?: object;
}

/** Images as the API sees them. A stream of progress that is left early cancels the work. */
export interface ImageService extends Images {
  list(query: ListImagesQuery): Promise<ImageSummary[]>;
  inspect(reference: string, options: { platform?: Platform; manifests: boolean }): Promise<ImageInspect>;
  history(reference: string, platform?: Platform): Promise<ImageHistoryResponseItem[]>;
  tag(reference: string, repository: string, tag: string): void;
  remove(
    reference: string,
    options: { force: boolean; noPrune: boolean; platforms: readonly Platform[] },
  ): Promise<ImageDeleteResponseItem[]>;
  prune(filters: Filters): Promise<{ ImagesDeleted: ImageDeleteResponseItem[] | null; SpaceReclaimed: number }>;
  /** The last message's status is the new image's id. */
  import(request: ImportRequest): AsyncIterable<ProgressMessage>;
  load(request: LoadRequest): AsyncIterable<ProgressMessage>;
  /**
   * An archive that Docker's and OCI's tools read. Throws before the first byte if a name is unknown. Each piece is gone when
   * the next is asked for.
   */
  save(references: readonly string[], platforms: readonly Platform[]): ByteSource;

  pull(request: TransferRequest): AsyncIterable<ProgressMessage>;
  push(request: TransferRequest): AsyncIterable<ProgressMessage>;
  /** What a name points at in its registry. */
  inspectRemote(reference: Reference, credentials: Credentials, signal: AbortSignal): Promise<DistributionInspect>;
  /** Throws unless the registry accepts the credentials. `address` is as a user writes it; '' is the default registry. */
  login(
    address: string,
    credentials: Credentials,
    signal: AbortSignal,
  ): Promise<{ Status: string; IdentityToken: string }>;
  search(
    query: { term: string; limit: number | undefined; filters: Filters },
    credentials: Credentials,
    signal: AbortSignal,
  ): Promise<SearchResult[]>;

  /** For `info` and `system df`. */
  count(): number;
  usage(): Promise<{ images: ImageSummary[]; layersSize: number }>;
  /** At start-up, before anything uses an image. */
  reconcile(): Promise<void>;
  /** At the end, when nothing is asked any more. */
  close(): Promise<void>;
}

export interface TransferRequest {
  /** Without tag and digest: all tags of the repository. */
  reference: Reference;
  platform: Platform | undefined;
  credentials: Credentials;
  /** Pull only what is signed, whatever the trust policy says. */
  signatureRequired?: boolean;
  signal: AbortSignal;
}

export interface SearchResult {
  name: string;
  description: string;
  star_count: number;
  is_official: boolean;
  is_automated: boolean;
}

export interface ImageUser {
  id: string;
  name: string;
  running: boolean;
  /** What the user wrote when the container was made. */
  reference: string;
  /** The digest of the platform's manifest. */
  manifest: Digest;
}

/** What images need to know of containers, so that neither noun imports the other. */
export interface ImageUsers {
  /** Containers, running or not, that were made of this image. */
  usersOf(image: Digest): readonly ImageUser[];
}

export { type Descriptor, descriptorOf } from '../../content/oci.ts';
export type { Snapshots } from '../../content/snapshots.ts';
export { type Credentials, NO_CREDENTIALS } from '../../registry/session.ts';
