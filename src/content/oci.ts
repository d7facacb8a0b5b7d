// What images are made of: descriptors, manifests, indexes and configs, in OCI's and in Docker's media types. Read with
// suspicion: they come from strangers.
import { invalid } from '../lib/errors.ts';
import { type ChainId, type Digest, isDigest, sha256 } from '../lib/ids.ts';
import { isJsonObject, type JsonObject } from '../lib/json-object.ts';
import type { Platform } from '../lib/platform.ts';
import type { ImageConfig } from '../wire/types.ts';

export const MEDIA_TYPES = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  /** `{}`: where a config or layer has to be named, and there is nothing to say. */
  empty: 'application/vnd.oci.empty.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
  layerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  layerZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  dockerIndex: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar',
  dockerLayerGzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
} as const;

/** Whether it is an image that has such a config, not an artifact of another kind. */
export function isImageConfig({ mediaType }: Descriptor): boolean {
  return /\.(image\.config|container\.image)\.v1\+json$/.test(mediaType);
}

const SCHEMA_1 = /^application\/vnd\.docker\.distribution\.manifest\.v1\+(json|prettyjws)$/;

export interface Descriptor {
  mediaType: string;
  digest: Digest;
  size: number;
  urls?: string[];
  annotations?: Record<string, string>;
  platform?: Platform;
  artifactType?: string;
}

export interface Index {
  kind: 'index';
  mediaType: string;
  manifests: Descriptor[];
  annotations?: Record<string, string>;
}

export interface Manifest {
  kind: 'manifest';
  mediaType: string;
  config: Descriptor;
  layers: Descriptor[];
  annotations?: Record<string, string>;
  artifactType?: string;
  subject?: Descriptor;
}

export interface HistoryEntry {
  created?: string;
  created_by?: string;
  author?: string;
  comment?: string;
  empty_layer?: boolean;
}

/** An image's config blob. What it has beyond these fields is kept when an image is made of it. */
export interface ImageConfigFile {
  created?: string;
  author?: string;
  architecture: string;
  os: string;
  variant?: string;
  'os.version'?: string;
  'os.features'?: string[];
  config?: ImageConfig;
  rootfs: { type: string; diff_ids: Digest[] };
  history?: HistoryEntry[];
}

/** Manifests are read into memory whole: registries don't take larger ones either. */
export const MAX_MANIFEST = 4 * 1024 * 1024;

export function isIndexType(mediaType: string): boolean {
  return mediaType === MEDIA_TYPES.index || mediaType === MEDIA_TYPES.dockerIndex;
}

export function isManifestType(mediaType: string): boolean {
  return mediaType === MEDIA_TYPES.manifest || mediaType === MEDIA_TYPES.dockerManifest;
}

export function isConfigType(mediaType: string): boolean {
  return mediaType === MEDIA_TYPES.config || mediaType === MEDIA_TYPES.dockerConfig;
}

export function isLayerType(mediaType: string): boolean {
  return /^application\/vnd\.(oci\.image\.layer\.|docker\.image\.rootfs\.)/.test(mediaType);
}

/** Layers that only their makers may hand out; registries don't hold them. */
export function isForeignLayer(mediaType: string): boolean {
  return /\.foreign\.|\.nondistributable\./.test(mediaType);
}

/** An attestation that BuildKit stored beside the image it speaks of: not an image itself. */
export function attestationFor(descriptor: Descriptor): string | undefined {
  const { annotations = {} } = descriptor;
  if (annotations['vnd.docker.reference.type'] !== 'attestation-manifest') return undefined;
  return annotations['vnd.docker.reference.digest'] ?? '';
}

/** A manifest or an index, told apart by what it holds; a media type that says otherwise is refused. */
export function parseManifest(bytes: Uint8Array, mediaType?: string): Manifest | Index {
  const json = parseJson(bytes, 'manifest');
  const stated = typeof json['mediaType'] === 'string' ? json['mediaType'] : undefined;
  if (json['schemaVersion'] === 1 || (mediaType && SCHEMA_1.test(mediaType)) || (stated && SCHEMA_1.test(stated))) {
    throw invalid(
      'the image has a manifest of the old schema 1, which is no longer supported: have it rebuilt or pushed again with a current tool',
    );
  }
  if (json['schemaVersion'] !== 2) throw invalid('malformed manifest: it has no known schemaVersion');
  if (mediaType && stated && mediaType !== stated) {
    throw invalid(`malformed manifest: it says it is ${stated}, but was announced as ${mediaType}`);
  }
  const isIndex = Array.isArray(json['manifests']);
  // Something that reads as both could mean one image here and another one elsewhere.
  if (isIndex && ('layers' in json || 'config' in json))
    throw invalid('malformed manifest: it is index and manifest at once');
  const type = mediaType ?? stated ?? (isIndex ? MEDIA_TYPES.index : MEDIA_TYPES.manifest);
  if (isIndex ? !isIndexType(type) : !isManifestType(type)) throw invalid(`unsupported manifest of media type ${type}`);
  const annotations = optionalStrings(json['annotations'], 'annotations');
  if (isIndex) {
    const manifests = array(json['manifests'], 'manifests').map(item => descriptorOf(item, 'manifests'));
    return { kind: 'index', mediaType: type, manifests, ...(annotations && { annotations }) };
  }
  const { artifactType, subject } = json;
  return {
    kind: 'manifest',
    mediaType: type,
    config: descriptorOf(json['config'], 'config'),
    layers: array(json['layers'], 'layers').map(item => descriptorOf(item, 'layers')),
    ...(annotations && { annotations }),
    ...(typeof artifactType === 'string' && { artifactType }),
    ...(subject !== undefined && subject !== null && { subject: descriptorOf(subject, 'subject') }),
  };
}

export function parseConfig(bytes: Uint8Array): ImageConfigFile {
  const json = parseJson(bytes, 'image config');
  const rootfs = json['rootfs'];
  if (!isJsonObject(rootfs)) throw invalid('malformed image config: it has no rootfs');
  const diffIds = array(rootfs['diff_ids'] ?? [], 'diff_ids');
  for (const id of diffIds) {
    if (typeof id !== 'string' || !isDigest(id)) throw invalid('malformed image config: a diff id is no digest');
  }
  for (const name of ['os', 'architecture', 'variant', 'created', 'author'] as const) {
    const value = json[name];
    if (value !== undefined && value !== null && typeof value !== 'string') {
      throw invalid(`malformed image config: ${name} is no string`);
    }
  }
  const { config, history } = json;
  if (config !== undefined && config !== null) checkRunConfig(config);
  if (history !== undefined && history !== null && !array(history, 'history').every(isJsonObject)) {
    throw invalid('malformed image config: history');
  }
  return {
    ...json,
    os: (json['os'] as string | undefined) ?? '',
    architecture: (json['architecture'] as string | undefined) ?? '',
    config: (config ?? {}) as ImageConfig,
    history: (history ?? []) as HistoryEntry[],
    rootfs: { type: 'layers', diff_ids: diffIds as Digest[] },
  };
}

const stringFields = ['User', 'WorkingDir', 'StopSignal'];
const listFields = ['Env', 'Cmd', 'Entrypoint', 'OnBuild', 'Shell'];
const mapFields = ['ExposedPorts', 'Volumes', 'Labels', 'Healthcheck'];

/** Containers are made of it: what is there must have the right type. */
function checkRunConfig(config: unknown): void {
  if (!isJsonObject(config)) throw invalid('malformed image config: config is no object');
  const check = (names: string[], is: (value: unknown) => boolean) => {
    for (const name of names) {
      const value = config[name];
      if (value !== undefined && value !== null && !is(value)) throw invalid(`malformed image config: ${name}`);
    }
  };
  check(stringFields, value => typeof value === 'string');
  check(listFields, value => Array.isArray(value) && value.every(each => typeof each === 'string'));
  check(mapFields, isJsonObject);
  check(['Labels'], value => isJsonObject(value) && Object.values(value).every(each => typeof each === 'string'));
}

/** The names of a stack of layers, one per height: each names the layer and all that lie under it. */
export function chainIds(diffIds: readonly Digest[]): ChainId[] {
  const chain: ChainId[] = [];
  for (const diffId of diffIds) {
    const below = chain.at(-1);
    chain.push((below === undefined ? diffId : sha256(`${below} ${diffId}`)) as string as ChainId);
  }
  return chain;
}

/** Everything a manifest or an index points at. */
export function childrenOf(content: Manifest | Index): Descriptor[] {
  return content.kind === 'index' ? content.manifests : [content.config, ...content.layers];
}

function parseJson(bytes: Uint8Array, what: string): JsonObject {
  if (bytes.length > MAX_MANIFEST) throw invalid(`malformed ${what}: it is larger than ${MAX_MANIFEST} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw invalid(`malformed ${what}: it is no JSON`, error);
  }
  if (!isJsonObject(value)) throw invalid(`malformed ${what}: it is no JSON object`);
  return value;
}

export function descriptorOf(value: unknown, where: string): Descriptor {
  if (!isJsonObject(value)) throw invalid(`malformed manifest: ${where} is no descriptor`);
  const { mediaType, digest, size, urls, platform, artifactType } = value;
  if (typeof mediaType !== 'string' || mediaType === '')
    throw invalid(`malformed manifest: ${where} has no media type`);
  if (typeof digest !== 'string' || !isDigest(digest)) {
    throw invalid(`malformed manifest: ${where} has no digest that is supported (${JSON.stringify(digest)})`);
  }
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw invalid(`malformed manifest: ${where} has no size`);
  }
  const annotations = optionalStrings(value['annotations'], where);
  return {
    mediaType,
    digest,
    size,
    ...(annotations && { annotations }),
    ...(Array.isArray(urls) && { urls: urls.filter(url => typeof url === 'string') }),
    ...(isJsonObject(platform) && { platform: platformOf(platform) }),
    ...(typeof artifactType === 'string' && { artifactType }),
  };
}

function platformOf(value: JsonObject): Platform {
  const text = (name: string) => (typeof value[name] === 'string' ? (value[name] as string) : undefined);
  const features = value['os.features'];
  const variant = text('variant');
  const version = text('os.version');
  return {
    architecture: text('architecture') ?? '',
    os: text('os') ?? '',
    ...(variant && { variant }),
    ...(version && { 'os.version': version }),
    ...(Array.isArray(features) && { 'os.features': features.filter(feature => typeof feature === 'string') }),
  };
}

function optionalStrings(value: unknown, where: string): Record<string, string> | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isJsonObject(value) || !Object.values(value).every(each => typeof each === 'string')) {
    throw invalid(`malformed manifest: ${where}`);
  }
  return value as Record<string, string>;
}

/** Far more than any real image has; the kernel stacks 500. */
const MAX_ITEMS = 10_000;

function array(value: unknown, where: string): unknown[] {
  if (!Array.isArray(value) || value.length > MAX_ITEMS) throw invalid(`malformed manifest: ${where}`);
  return value;
}
