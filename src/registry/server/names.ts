// Names that come from clients. They become paths, so nothing else may pass than what the specification allows.
import { RegistryError } from './errors.ts';

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

export type RepositoryName = Branded<'repository'>;
export type TagName = Branded<'tag'>;
/** sha256 or sha512. */
export type ContentDigest = Branded<'content digest'>;
export type Algorithm = 'sha256' | 'sha512';

const MAX_NAME = 255;
const word = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const repositoryPattern = new RegExp(`^${word}(?:/${word})*$`);
const tagPattern = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;
const digestPattern = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

export function repositoryName(text: string): RepositoryName {
  if (text.length > MAX_NAME || !repositoryPattern.test(text)) {
    throw new RegistryError('NAME_INVALID', 'invalid repository name', { detail: { name: text.slice(0, MAX_NAME) } });
  }
  return text as RepositoryName;
}

export function isRepositoryName(text: string): text is RepositoryName {
  return text.length <= MAX_NAME && repositoryPattern.test(text);
}

export function isTag(text: string): text is TagName {
  return tagPattern.test(text);
}

export function isContentDigest(text: unknown): text is ContentDigest {
  return typeof text === 'string' && digestPattern.test(text);
}

export function contentDigest(text: string): ContentDigest {
  if (!isContentDigest(text)) {
    throw new RegistryError('DIGEST_INVALID', 'the digest is malformed, or of an unsupported algorithm');
  }
  return text;
}

export function algorithmOf(digest: ContentDigest): Algorithm {
  return digest.startsWith('sha512:') ? 'sha512' : 'sha256';
}

export function isAlgorithm(text: string): text is Algorithm {
  return text === 'sha256' || text === 'sha512';
}

export function hexOf(digest: ContentDigest): string {
  return digest.slice(digest.indexOf(':') + 1);
}

export function digestOf(algorithm: Algorithm, content: Uint8Array): ContentDigest {
  return `${algorithm}:${new Bun.CryptoHasher(algorithm).update(content).digest('hex')}` as ContentDigest;
}
