// A signature as it was found beside an image, and what it is worth to somebody who trusts certain signers. Evidence is plain
// JSON, so that it can be kept and judged again later: without the registry, by a policy that has changed since.
import type { X509Certificate } from 'node:crypto';
import type { PublicKey } from './keys.ts';

export type Evidence =
  /** cosign's own form: a small JSON document that names a digest, and a signature of its bytes. Both base64. */
  | { kind: 'cosign'; payload: string; signature: string; keyless: boolean }
  /** Sigstore's bundle, as JSON text. */
  | { kind: 'bundle'; bundle: string }
  /** Notation's envelope, base64. */
  | { kind: 'notation'; mediaType: string; envelope: string };

/** Whom a policy believes. */
export interface TrustedSigners {
  /** For cosign's signatures and bundles. */
  readonly keys: readonly PublicKey[];
  /** For Notation's: each is believed, and what it has signed. */
  readonly certificates: readonly X509Certificate[];
  /** Which subjects below those certificates; empty for all. */
  readonly identities: readonly Identity[];
  /** Under 'permissive' what has expired is a warning. */
  readonly level: 'strict' | 'permissive';
}

/** Parts of a subject, all of which must be there: [['O', 'Acme'], ['C', 'US']]. */
export type Identity = readonly (readonly [attribute: string, value: string])[];

export type Verdict =
  | { valid: true; format: SignatureFormat; signer: string; keyId: string; warnings: readonly string[] }
  | { valid: false; format: SignatureFormat; reason: string };

export type SignatureFormat = 'cosign' | 'notation';

export const formatOf = (evidence: Evidence): SignatureFormat => (evidence.kind === 'notation' ? 'notation' : 'cosign');

/** What is wrong with one signature; `judge` makes a verdict of it. */
export class BadSignature extends Error {}
