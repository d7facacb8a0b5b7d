// What a registry needs to know of a manifest: what it refers to. Everything else in it is its maker's business.
import { isJsonObject, type JsonObject } from '../../lib/json-object.ts';
import { RegistryError } from './errors.ts';
import { type ContentDigest, isContentDigest } from './names.ts';

/** As the specification asks registries to take at least; clients don't read larger ones. */
export const MAX_MANIFEST = 4 * 1024 * 1024;
const INDEX = 'application/vnd.oci.image.index.v1+json';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const SCHEMA_1 = /^application\/vnd\.docker\.distribution\.manifest\.v1\+(?:json|prettyjws)$/;
const mediaTypePattern = /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$/;

export interface Link {
  digest: ContentDigest;
  size: number;
}

export interface ManifestContent {
  mediaType: string;
  blobs: Link[];
  manifests: Link[];
  subject?: ContentDigest;
  artifactType?: string;
  annotations?: Record<string, string>;
}

/** `announced`: the Content-Type it came with, '' if none. */
export function readManifest(bytes: Uint8Array, announced: string): ManifestContent {
  const json = parse(bytes);
  const stated = typeof json['mediaType'] === 'string' ? json['mediaType'] : '';
  if (announced !== '' && stated !== '' && announced !== stated) {
    throw invalidManifest(`it says it is ${stated}, but was sent as ${announced}`);
  }
  const isIndex = Array.isArray(json['manifests']);
  const mediaType = announced || stated || (isIndex ? INDEX : MANIFEST);
  if (json['schemaVersion'] === 1 || SCHEMA_1.test(mediaType)) {
    throw invalidManifest('schema 1 is no longer supported: push it again with a current tool');
  }
  if (!mediaTypePattern.test(mediaType)) throw invalidManifest('malformed media type');
  if (json['schemaVersion'] !== 2) throw invalidManifest('it has no known schemaVersion');
  // Something that reads as both could be one image here and another one elsewhere.
  if (isIndex && ('layers' in json || 'config' in json)) throw invalidManifest('it is index and manifest at once');
  const annotations = strings(json['annotations']);
  const subject =
    json['subject'] === undefined || json['subject'] === null ? undefined : link(json['subject'], 'subject');
  const config = object(json['config']);
  const artifactType = text(json['artifactType']) ?? (isIndex ? undefined : text(config?.['mediaType']));
  const common = {
    mediaType,
    ...(subject && { subject: subject.digest }),
    ...(artifactType !== undefined && { artifactType }),
    ...(annotations && { annotations }),
  };
  if (isIndex) return { ...common, blobs: [], manifests: links(json['manifests'], 'manifests') };
  if (!config) throw invalidManifest('it has neither config nor manifests');
  const layers = json['layers'] === undefined || json['layers'] === null ? [] : json['layers'];
  return { ...common, blobs: [link(config, 'config'), ...links(layers, 'layers')], manifests: [] };
}

function parse(bytes: Uint8Array): JsonObject {
  try {
    const value = object(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
    if (value) return value;
  } catch {
    // Said below: what exactly the parser disliked helps nobody.
  }
  throw invalidManifest('it is not a JSON object');
}

function links(value: unknown, where: string): Link[] {
  if (!Array.isArray(value)) throw invalidManifest(`${where} is not a list`);
  return value.filter(item => !isElsewhere(item)).map(item => link(item, where));
}

function link(value: unknown, where: string): Link {
  const { digest, size } = object(value) ?? {};
  if (!isContentDigest(digest)) throw invalidManifest(`a descriptor in ${where} has no valid digest`);
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw invalidManifest(`a descriptor in ${where} has no valid size`);
  }
  return { digest, size };
}

/** Layers that only their makers hand out: no registry has to have them. */
function isElsewhere(value: unknown): boolean {
  const { mediaType, urls } = object(value) ?? {};
  if (typeof mediaType === 'string' && /\.foreign\.|\.nondistributable\./.test(mediaType)) return true;
  return Array.isArray(urls) && urls.length > 0;
}

function object(value: unknown): JsonObject | undefined {
  return isJsonObject(value) ? value : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function strings(value: unknown): Record<string, string> | undefined {
  const entries = Object.entries(object(value) ?? {});
  if (entries.length === 0) return undefined;
  const all = entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  if (all.length < entries.length) throw invalidManifest('an annotation is not a string');
  return Object.fromEntries(all);
}

export function invalidManifest(reason: string): RegistryError {
  return new RegistryError('MANIFEST_INVALID', `manifest invalid: ${reason}`);
}
