// cosign's signatures with keys. The older form is a payload that names the image's digest ("simple signing"), a layer of an
// artifact whose annotation holds the signature. The newer is Sigstore's bundle around an in-toto statement.
import { type KeyObject, sign } from 'node:crypto';
import type { Digest } from '../lib/ids.ts';
import { isJsonObject } from '../lib/json-object.ts';
import { field, parseObject } from './json.ts';
import { hasSigned, type PublicKey } from './keys.ts';
import { BadSignature, type Evidence } from './signature.ts';

export const COSIGN = {
  payload: 'application/vnd.dev.cosign.simplesigning.v1+json',
  artifact: 'application/vnd.dev.cosign.artifact.sig.v1+json',
  signature: 'dev.cosignproject.cosign/signature',
  certificate: 'dev.sigstore.cosign/certificate',
  bundle: /^application\/vnd\.dev\.sigstore\.bundle(?:\.v0\.\d+\+json|\+json;version=0\.\d+)$/,
} as const;

const PAYLOAD_TYPE = 'cosign container image signature';
const STATEMENT = 'application/vnd.in-toto+json';
const SIGN_PREDICATE = 'https://sigstore.dev/cosign/sign/v1';

/** The tag under which cosign looks for an image's signatures. */
export const signatureTag = (digest: Digest) => `${digest.replace(':', '-')}.sig`;

type CosignEvidence = Extract<Evidence, { kind: 'cosign' }>;

export function signWithKey(key: KeyObject, repository: string, digest: Digest): CosignEvidence {
  const payload = Buffer.from(
    JSON.stringify({
      critical: {
        identity: { 'docker-reference': repository },
        image: { 'docker-manifest-digest': digest },
        type: PAYLOAD_TYPE,
      },
      optional: null,
    }),
  );
  const signature = sign(key.asymmetricKeyType === 'ed25519' ? null : 'sha256', payload, key);
  return {
    kind: 'cosign',
    payload: payload.toString('base64'),
    signature: signature.toString('base64'),
    keyless: false,
  };
}

/** The key that signed it; throws BadSignature. */
export async function verifyPayload(
  evidence: CosignEvidence,
  digest: Digest,
  keys: readonly PublicKey[],
): Promise<PublicKey> {
  const payload = Buffer.from(evidence.payload, 'base64');
  const signer = await signerOf(payload, Buffer.from(evidence.signature, 'base64'), keys, evidence.keyless);
  const critical = field(parseObject(payload, 'the payload'), 'critical');
  if (field(critical, 'type') !== PAYLOAD_TYPE) throw new BadSignature('it is not a signature of an image');
  checkDigest(field(field(critical, 'image'), 'docker-manifest-digest'), digest);
  return signer;
}

/** Likewise. Attestations come in the same envelope and are no signature of the image. */
export async function verifyBundle(text: string, digest: Digest, keys: readonly PublicKey[]): Promise<PublicKey> {
  const { bytes, statement, signature, keyless } = statementIn(text);
  if (statement['predicateType'] !== SIGN_PREDICATE) {
    throw new BadSignature(`it is an attestation (${String(statement['predicateType'])}), not a signature`);
  }
  const signed = preAuthenticated(STATEMENT, bytes);
  const signer = await signerOf(signed, Buffer.from(String(field(signature, 'sig')), 'base64'), keys, keyless);
  const subjects = Array.isArray(statement['subject']) ? statement['subject'] : [];
  const named = subjects.map(subject => `sha256:${String(field(field(subject, 'digest'), 'sha256'))}`);
  if (!named.includes(digest)) checkDigest(named[0], digest);
  return signer;
}

/** Says something about the image other than who has signed it. */
export function isAttestation(evidence: Evidence): boolean {
  if (evidence.kind !== 'bundle') return false;
  try {
    return statementIn(evidence.bundle).statement['predicateType'] !== SIGN_PREDICATE;
  } catch (error) {
    if (error instanceof BadSignature) return false;
    throw error;
  }
}

function statementIn(text: string) {
  const bundle = parseObject(Buffer.from(text), 'the bundle');
  const envelope = field(bundle, 'dsseEnvelope');
  if (!isJsonObject(envelope)) throw new BadSignature('the bundle has no DSSE envelope');
  const { payload, payloadType, signatures } = envelope;
  if (typeof payload !== 'string' || payloadType !== STATEMENT || !Array.isArray(signatures)) {
    throw new BadSignature('the bundle holds no in-toto statement');
  }
  const bytes = Buffer.from(payload, 'base64');
  const keyless = field(bundle['verificationMaterial'], 'publicKey') === undefined;
  const signature: unknown = signatures[0];
  return { bytes, statement: parseObject(bytes, 'the statement'), signature, keyless };
}

async function signerOf(
  bytes: Uint8Array,
  signature: Uint8Array,
  keys: readonly PublicKey[],
  keyless: boolean,
): Promise<PublicKey> {
  for (const each of keys) if (await hasSigned(each.key, bytes, signature)) return each;
  if (keyless)
    throw new BadSignature('it was made with a certificate of Sigstore (keyless); only keys are verified here');
  if (keys.length === 0) throw new BadSignature('the policy names no keys');
  throw new BadSignature(`it was made with none of the keys ${[...new Set(keys.map(({ name }) => name))].join(', ')}`);
}

function checkDigest(stated: unknown, digest: Digest): void {
  if (stated !== digest) throw new BadSignature(`it is a signature of another image, ${String(stated)}`);
}

/** What DSSE signs: type and body, each with its length. */
function preAuthenticated(type: string, body: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`DSSEv1 ${Buffer.byteLength(type)} ${type} ${body.length} `), body]);
}
