// From what a user writes to an image, and from an image to one of its platforms.

import type { ManifestReader } from '../../content/manifests.ts';
import {
  attestationFor,
  type Descriptor,
  type ImageConfigFile,
  type Index,
  isImageConfig,
  type Manifest,
} from '../../content/oci.ts';
import { notFound } from '../../lib/errors.ts';
import type { Digest } from '../../lib/ids.ts';
import { formatPlatform, hostPlatform, type Platform, platformRank, samePlatform } from '../../lib/platform.ts';
import {
  canonicalName,
  familiarName,
  parseAnyReference,
  parseReference,
  type Reference,
  repositoryOf,
  withDefaultTag,
} from '../../lib/reference.ts';
import type { ImageContext } from './context.ts';
import type { ImageRecord, ImageRecords } from './records.ts';

const ID_PREFIX = /^(?:sha256:)?([0-9a-f]{4,64})$/;

/** A name, a digest, an id, or a prefix of one that is unique. */
export function resolve(records: ImageRecords, text: string): ImageRecord {
  const parsed = parseAnyReference(text);
  if ('id' in parsed) {
    const record = records.get(parsed.id);
    if (!record) throw noSuchImage(parsed);
    return record;
  }
  if (parsed.digest !== undefined) {
    const record = records.get(parsed.digest);
    // The digest alone is not enough: it must be an image of that repository.
    if (!record || !hasRepository(records, record, parsed)) throw noSuchImage(parsed);
    return record;
  }
  const named = records.named(canonicalName(withDefaultTag(parsed)));
  if (named) return named;
  const [match, ...others] = matchingPrefix(records, text);
  if (others.length > 0) throw notFound('ambiguous reference');
  if (!match) throw noSuchImage(parsed);
  return match;
}

/** By which names an image was meant: the one that was asked for, or for an id all that it has. */
export function namesAsked(records: ImageRecords, id: Digest, text: string): Reference[] {
  const parsed = parseAnyReference(text);
  const isName =
    'domain' in parsed &&
    (parsed.digest !== undefined || records.named(canonicalName(withDefaultTag(parsed)))?.target.digest === id);
  return isName ? [parsed] : records.namesOf(id).map(parseReference);
}

function matchingPrefix(records: ImageRecords, text: string): ImageRecord[] {
  const prefix = ID_PREFIX.exec(text)?.[1];
  if (prefix === undefined) return [];
  return [...records.all()].filter(({ target }) => target.digest.startsWith(`sha256:${prefix}`));
}

/** True if what the user wrote is the image's id or the beginning of it. */
export function isIdPrefix(id: string, text: string): boolean {
  return id.startsWith(text) || id.slice('sha256:'.length).startsWith(text);
}

function hasRepository(records: ImageRecords, record: ImageRecord, reference: Reference): boolean {
  return records
    .namesOf(record.target.digest)
    .some(name => repositoryOf(parseReference(name)) === repositoryOf(reference));
}

export function noSuchImage(reference: Reference | { id: string }): Error {
  const name = 'id' in reference ? reference.id : familiarName(withDefaultTag(reference));
  return notFound(`No such image: ${name}`);
}

/** One of an image's manifests. */
export interface PlatformManifest {
  descriptor: Descriptor;
  kind: 'image' | 'attestation' | 'unknown';
  /** Undefined while they are not in the store. */
  manifest?: Manifest;
  config?: ImageConfigFile;
  platform?: Platform;
}

/** Indexes may lie in indexes, but not without end. */
const MAX_DEPTH = 4;

export function platformManifests(manifests: ManifestReader, target: Descriptor): PlatformManifest[] {
  const found: PlatformManifest[] = [];
  const visit = (descriptor: Descriptor, depth: number) => {
    const content = manifests.manifestIfPresent(descriptor.digest);
    if (content?.kind !== 'index') found.push(platformManifest(manifests, descriptor, content));
    else if (depth < MAX_DEPTH) for (const child of content.manifests) visit(child, depth + 1);
  };
  visit(target, 0);
  return found;
}

function platformManifest(
  manifests: ManifestReader,
  descriptor: Descriptor,
  content: Exclude<Manifest | Index, Index> | undefined,
): PlatformManifest {
  if (attestationFor(descriptor) !== undefined) return { descriptor, kind: 'attestation', manifest: content };
  const config = content && manifests.configIfPresent(content.config.digest);
  if (content && !isImageConfig(content.config)) {
    return { descriptor, kind: 'unknown', manifest: content };
  }
  const platform = descriptor.platform ?? (config && platformOf(config));
  return { descriptor, kind: 'image', manifest: content, config, platform };
}

export function platformOf(config: ImageConfigFile): Platform {
  const { os, architecture, variant } = config;
  const version = config['os.version'];
  const features = config['os.features'];
  return {
    architecture,
    os,
    ...(variant && { variant }),
    ...(version && { 'os.version': version }),
    ...(features && { 'os.features': features }),
  };
}

/** One that is here with its config. */
export type PresentManifest = PlatformManifest & Required<Pick<PlatformManifest, 'manifest' | 'config' | 'platform'>>;

function isPresent(candidate: PlatformManifest): candidate is PresentManifest {
  return candidate.kind === 'image' && candidate.manifest !== undefined && candidate.config !== undefined;
}

/** The platform asked for; without one, what this machine runs best, or else any. Undefined if the image has none such. */
export function chooseIfAny(
  manifests: ManifestReader,
  target: Descriptor,
  wanted: Platform | undefined,
): PresentManifest | undefined {
  const host = hostPlatform();
  let best: { candidate: PresentManifest; rank: number } | undefined;
  for (const candidate of platformManifests(manifests, target)) {
    if (!isPresent(candidate)) continue;
    // Emulation may run what the machine itself can't.
    const rank = wanted
      ? samePlatform(candidate.platform, wanted) && 0
      : (platformRank(candidate.platform, host) ?? Number.MAX_SAFE_INTEGER);
    if (rank !== false && (best === undefined || rank < best.rank)) best = { candidate, rank };
  }
  return best?.candidate;
}

export function choose(context: ImageContext, record: ImageRecord, shown: string, wanted?: Platform): PresentManifest {
  const chosen = chooseIfAny(context.content.manifests, record.target, wanted);
  if (chosen) return chosen;
  const provided = wanted ? `the specified platform (${formatPlatform(wanted)})` : 'any platform';
  throw notFound(`image with reference ${shown} was found but does not provide ${provided}`);
}
