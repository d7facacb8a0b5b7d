// Notation's signatures: an envelope whose payload describes the image, with the signer's chain of certificates in it. Both
// kinds of envelope are read, JWS is written.
import { constants, createHash, type KeyObject, sign, verify, type X509Certificate } from 'node:crypto';
import type { Digest } from '../lib/ids.ts';
import { isJsonObject } from '../lib/json-object.ts';
import { productVersion } from '../lib/product.ts';
import { checkChain, parseChain } from './certificates.ts';
import { openCose } from './cose.ts';
import type { Envelope } from './envelope.ts';
import { field, parseObject } from './json.ts';
import { openJws } from './jws.ts';
import { curveOf } from './keys.ts';
import { BadSignature, type Evidence, type TrustedSigners } from './signature.ts';

export const NOTATION = {
  artifact: 'application/vnd.cncf.notary.signature',
  jws: 'application/jose+json',
  cose: 'application/cose',
  thumbprints: 'io.cncf.notary.x509chain.thumbprint#S256',
} as const;

const PAYLOAD = 'application/vnd.cncf.notary.payload.v1+json';
const SCHEME = 'io.cncf.notary.signingScheme';
const TIME = 'io.cncf.notary.signingTime';
const EXPIRY = 'io.cncf.notary.expiry';
const X509_SCHEME = 'notary.x509';
/** Critical headers that we know what to make of. */
const UNDERSTOOD = [SCHEME, EXPIRY];

type NotationEvidence = Extract<Evidence, { kind: 'notation' }>;

export interface Artifact {
  mediaType: string;
  digest: Digest;
  size: number;
}

export interface Signed {
  leaf: X509Certificate;
  warnings: string[];
}

export function signWithChain(
  key: KeyObject,
  chain: readonly X509Certificate[],
  { mediaType, digest, size }: Artifact,
  now = new Date(),
): NotationEvidence {
  const algorithm = algorithmFor(chain[0]!.publicKey);
  if (!algorithm)
    throw new BadSignature('Notation signs with ECDSA on P-256, P-384 or P-521, or RSA of 2048, 3072 or 4096 bits');
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const protectedHeader = encode({
    alg: algorithm.name,
    crit: [SCHEME],
    cty: PAYLOAD,
    [SCHEME]: X509_SCHEME,
    // Whole seconds: that is how Notation writes and reads it.
    [TIME]: `${now.toISOString().slice(0, 19)}Z`,
  });
  const payload = encode({ targetArtifact: { mediaType, digest, size } });
  const signature = sign(algorithm.digest, Buffer.from(`${protectedHeader}.${payload}`), { key, ...algorithm.options });
  const envelope = {
    payload,
    protected: protectedHeader,
    header: {
      x5c: chain.map(({ raw }) => raw.toString('base64')),
      'io.cncf.notary.signingAgent': `dockyard/${productVersion}`,
    },
    signature: signature.toString('base64url'),
  };
  return {
    kind: 'notation',
    mediaType: NOTATION.jws,
    envelope: Buffer.from(JSON.stringify(envelope)).toString('base64'),
  };
}

/** Who signed; throws BadSignature. */
export async function verifyEnvelope(
  { mediaType, envelope }: NotationEvidence,
  digest: Digest,
  trusted: TrustedSigners,
  now: Date,
): Promise<Signed> {
  const { header, payload, signed, signature, ...opened } = await open(mediaType, Buffer.from(envelope, 'base64'));
  const chain = parseChain(opened.chain);
  const leaf = chain[0]!;
  const algorithm = algorithmFor(leaf.publicKey);
  // The key decides on the algorithm, never the envelope.
  if (!algorithm || header['alg'] !== algorithm.name) throw new BadSignature('its algorithm does not go with its key');
  if (!verify(algorithm.digest, signed, { key: leaf.publicKey, ...algorithm.options }, signature)) {
    throw new BadSignature('its content was changed after it was signed');
  }
  const warnings = [...checkHeader(header, trusted.level, now), ...checkChain(chain, trusted, now)];
  const target = field(parseObject(payload, 'the payload'), 'targetArtifact');
  if (field(target, 'digest') !== digest) {
    throw new BadSignature(`it is a signature of another image, ${String(field(target, 'digest'))}`);
  }
  return { leaf, warnings };
}

async function open(mediaType: string, bytes: Buffer): Promise<Envelope> {
  if (mediaType === NOTATION.jws) return openJws(bytes);
  if (mediaType === NOTATION.cose) return openCose(bytes);
  throw new BadSignature(`envelopes of type ${mediaType} are not known`);
}

function checkHeader(header: Envelope['header'], level: TrustedSigners['level'], now: Date): string[] {
  if (header['cty'] !== PAYLOAD) throw new BadSignature('it is not a signature of an image');
  const critical = Array.isArray(header['crit']) ? header['crit'] : [];
  const unknown = critical.find(name => !UNDERSTOOD.includes(String(name)));
  if (unknown !== undefined)
    throw new BadSignature(`it has a critical header that is not known here, ${String(unknown)}`);
  if (header[SCHEME] !== X509_SCHEME) {
    throw new BadSignature(`the signing scheme ${String(header[SCHEME])} is not known here, only ${X509_SCHEME}`);
  }
  const expiry = header[EXPIRY];
  if (expiry === undefined) return [];
  const date = new Date(String(expiry));
  if (now <= date) return [];
  const text = `the signature has expired (${String(expiry)})`;
  if (level === 'strict') throw new BadSignature(text);
  return [text];
}

/** The annotation by which Notation tells signatures apart without reading them. */
export function thumbprintsOf({ envelope }: NotationEvidence): string {
  const jws: unknown = JSON.parse(Buffer.from(envelope, 'base64').toString());
  const x5c = isJsonObject(jws) ? field(jws['header'], 'x5c') : undefined;
  const chain = Array.isArray(x5c) ? x5c : [];
  return JSON.stringify(
    chain.map(each =>
      createHash('sha256')
        .update(Buffer.from(String(each), 'base64'))
        .digest('hex'),
    ),
  );
}

interface Algorithm {
  name: string;
  digest: string;
  options: { dsaEncoding?: 'ieee-p1363'; padding?: number; saltLength?: number };
}

const RSA_DIGESTS: Record<number, number> = { 2048: 256, 3072: 384, 4096: 512 };

function algorithmFor(key: KeyObject): Algorithm | undefined {
  const curve = curveOf(key);
  if (curve) return { name: `ES${curve.bits}`, digest: curve.digest, options: { dsaEncoding: 'ieee-p1363' } };
  const bits = key.asymmetricKeyType === 'rsa' ? RSA_DIGESTS[key.asymmetricKeyDetails?.modulusLength ?? 0] : undefined;
  if (bits === undefined) return undefined;
  const options = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: bits / 8 };
  return { name: `PS${bits}`, digest: `sha${bits}`, options };
}
