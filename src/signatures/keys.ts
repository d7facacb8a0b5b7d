// Public keys that signatures are checked with, as PEM files have them.
import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { basename } from 'node:path';
import { invalid } from '../lib/errors.ts';

export interface PublicKey {
  /** What people know it by: the file's name. */
  readonly name: string;
  /** SHA-256 of the key in DER, in hex. */
  readonly id: string;
  readonly key: KeyObject;
}

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g;

export function pemBlocks(text: string): { label: string; pem: string }[] {
  return [...text.matchAll(BLOCK)].map(([pem, label]) => ({ label: label!, pem }));
}

export function readPublicKeys(text: string, name: string): PublicKey[] {
  const blocks = pemBlocks(text);
  if (blocks.some(({ label }) => label.includes('PRIVATE KEY'))) {
    throw invalid(`${name} holds a private key: a policy needs the public one`);
  }
  const keys = blocks.filter(({ label }) => label === 'PUBLIC KEY' || label === 'RSA PUBLIC KEY');
  if (keys.length === 0) throw invalid(`${name} holds no public key (PEM, "BEGIN PUBLIC KEY")`);
  return keys.map(({ pem }) => publicKey(pem, name));
}

function publicKey(pem: string, name: string): PublicKey {
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch (error) {
    throw invalid(`${name} holds a malformed public key`, error);
  }
  if (!isSupported(key)) {
    throw invalid(
      `${name}: keys of type ${describe(key)} are not supported: take ECDSA, RSA of 2048 bits or more, or Ed25519`,
    );
  }
  return { name: basename(name), id: keyId(key), key };
}

export function keyId(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}

const CURVES: Record<string, { digest: string; bits: number }> = {
  prime256v1: { digest: 'sha256', bits: 256 },
  secp384r1: { digest: 'sha384', bits: 384 },
  secp521r1: { digest: 'sha512', bits: 512 },
};

/** NIST's curve of an ECDSA key. */
export function curveOf(key: KeyObject): { digest: string; bits: number } | undefined {
  return key.asymmetricKeyType === 'ec' ? CURVES[key.asymmetricKeyDetails?.namedCurve ?? ''] : undefined;
}

export function isSupported(key: KeyObject): boolean {
  if (key.asymmetricKeyType === 'ed25519') return true;
  if (key.asymmetricKeyType === 'rsa') return (key.asymmetricKeyDetails?.modulusLength ?? 0) >= 2048;
  return curveOf(key) !== undefined;
}

function describe(key: KeyObject): string {
  const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {};
  return [key.asymmetricKeyType, namedCurve ?? modulusLength].filter(Boolean).join(' ');
}

/** Whether it signed these bytes, by the digests that cosign signs with: SHA-256, of larger curves also their own. */
export async function hasSigned(key: KeyObject, bytes: Uint8Array, signature: Uint8Array): Promise<boolean> {
  if (key.asymmetricKeyType === 'ed25519') return hasSignedEd25519(key, bytes, signature);
  const own = curveOf(key)?.digest ?? 'sha256';
  return [...new Set(['sha256', own])].some(digest => verifies(digest, bytes, key, signature));
}

/** cosign signs with the variant that hashes first, everybody else with the plain one. */
async function hasSignedEd25519(key: KeyObject, bytes: Uint8Array, signature: Uint8Array): Promise<boolean> {
  if (signature.length !== 64) return false;
  if (verifies(null, bytes, key, signature)) return true;
  const { ed25519ph } = await import('@noble/curves/ed25519.js');
  const point = Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url');
  return ed25519ph.verify(signature, bytes, point);
}

function verifies(digest: string | null, bytes: Uint8Array, key: KeyObject, signature: Uint8Array): boolean {
  try {
    return verify(digest, bytes, key, signature);
  } catch {
    // A signature of another kind of key: not one of this key's, whatever the library says of it.
    return false;
  }
}
