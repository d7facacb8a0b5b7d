// Names of images: "busybox" means docker.io/library/busybox:latest. Parsed into the full form, shown in the short one.
import { invalid } from './errors.ts';
import { type Digest, isDigest } from './ids.ts';

export const DEFAULT_DOMAIN = 'docker.io';
const OLD_DEFAULT_DOMAIN = 'index.docker.io';
const OFFICIAL = 'library/';
export const DEFAULT_TAG = 'latest';

const MAX_NAME = 255;
const label = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const domainPattern = new RegExp(`^(?:${label}(?:\\.${label})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?$`);
const word = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const pathPattern = new RegExp(`^${word}(?:/${word})*$`);
const tagPattern = /^\w[\w.-]{0,127}$/;
const digestPattern = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;
const idPattern = /^[0-9a-f]{64}$/;

/** Always in full: `domain` and `path` are never empty. */
export interface Reference {
  readonly domain: string;
  readonly path: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

/** What a user writes for a repository, perhaps with a tag, a digest or both. */
export function parseReference(text: string): Reference {
  if (idPattern.test(text)) {
    throw invalid(`invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`);
  }
  const { domain, rest } = splitDomain(text);
  const at = rest.indexOf('@');
  const digest = at < 0 ? undefined : rest.slice(at + 1);
  const named = at < 0 ? rest : rest.slice(0, at);
  const colon = named.indexOf(':');
  const path = colon < 0 ? named : named.slice(0, colon);
  const tag = colon < 0 ? undefined : named.slice(colon + 1);
  if (path.toLowerCase() !== path) {
    throw invalid(`invalid reference format: repository name (${path}) must be lowercase`);
  }
  const valid = domainPattern.test(domain) && pathPattern.test(path) && (tag === undefined || tagPattern.test(tag));
  if (!valid || (digest !== undefined && !digestPattern.test(digest))) throw invalid('invalid reference format');
  if (domain.length + 1 + path.length > MAX_NAME) {
    throw invalid(`repository name must not be more than ${MAX_NAME} characters`);
  }
  if (digest !== undefined && !isDigest(digest)) {
    throw invalid(digest.startsWith('sha256:') ? 'invalid checksum digest length' : 'unsupported digest algorithm');
  }
  return { domain, path, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) };
}

function splitDomain(text: string): { domain: string; rest: string } {
  const slash = text.indexOf('/');
  const first = slash < 0 ? '' : text.slice(0, slash);
  const isDomain = /[.:]/.test(first) || first === 'localhost' || first.toLowerCase() !== first;
  let domain = isDomain ? first : DEFAULT_DOMAIN;
  let rest = isDomain ? text.slice(slash + 1) : text;
  if (domain === OLD_DEFAULT_DOMAIN) domain = DEFAULT_DOMAIN;
  if (domain === DEFAULT_DOMAIN && !rest.includes('/')) rest = OFFICIAL + rest;
  return { domain, rest };
}

/** A reference, or a whole id with or without "sha256:". */
export function parseAnyReference(text: string): Reference | { id: Digest } {
  if (idPattern.test(text)) return { id: `sha256:${text}` as Digest };
  if (isDigest(text)) return { id: text };
  return parseReference(text);
}

/** The repository in full: docker.io/library/busybox. */
export function repositoryOf({ domain, path }: Reference): string {
  return `${domain}/${path}`;
}

/** As short as people write it: busybox. */
export function familiarRepository({ domain, path }: Reference): string {
  if (domain !== DEFAULT_DOMAIN) return `${domain}/${path}`;
  return path.startsWith(OFFICIAL) && !path.slice(OFFICIAL.length).includes('/') ? path.slice(OFFICIAL.length) : path;
}

/** The full name that is stored. */
export function canonicalName(reference: Reference): string {
  return repositoryOf(reference) + suffixOf(reference);
}

/** The name that is shown. */
export function familiarName(reference: Reference): string {
  return familiarRepository(reference) + suffixOf(reference);
}

function suffixOf({ tag, digest }: Reference): string {
  return `${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}

export function withDefaultTag(reference: Reference): Reference {
  return reference.tag === undefined && reference.digest === undefined ? { ...reference, tag: DEFAULT_TAG } : reference;
}

export function isNameOnly(reference: Reference): boolean {
  return reference.tag === undefined && reference.digest === undefined;
}

export function withTag(reference: Reference, tag: string): Reference {
  if (!tagPattern.test(tag)) throw invalid('invalid tag format');
  return { domain: reference.domain, path: reference.path, tag, digest: reference.digest };
}

export function withDigest({ domain, path }: Reference, digest: Digest): Reference {
  return { domain, path, digest };
}

/** The API's `repo` and `tag` parameters as one reference; undefined without a repository. */
export function repoTagReference(repo: string, tag: string): Reference | undefined {
  if (repo === '') return undefined;
  const reference = parseReference(repo);
  if (reference.digest !== undefined) throw invalid('cannot import digest reference');
  return tag === '' ? withDefaultTag(reference) : withTag({ domain: reference.domain, path: reference.path }, tag);
}
