// Signatures that cosign and notation made, and our own.
import { describe, expect, test } from 'bun:test';
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Digest } from '../lib/ids.ts';
import { parseIdentity, readCertificates } from './certificates.ts';
import { signWithKey } from './cosign.ts';
import { judge } from './judge.ts';
import { keyId, readPublicKeys } from './keys.ts';
import { signWithChain } from './notation.ts';
import { encryptPrivateKey, generateSigningKey, isEncrypted, readPrivateKey } from './private-keys.ts';
import type { Evidence, TrustedSigners } from './signature.ts';
import { testChain } from './testing/chain.ts';

const data = (name: string) => readFileSync(new URL(`testdata/${name}`, import.meta.url));
const { digest, evidence } = JSON.parse(data('evidence.json').toString()) as {
  digest: Digest;
  evidence: Record<string, Evidence>;
};
const other = `sha256:${'0'.repeat(64)}` as Digest;
const keys = ['cosign.pub', 'rsa.pub', 'ed25519.pub', 'p384.pub'].flatMap(name =>
  readPublicKeys(data(name).toString(), name),
);
const certificates = readCertificates(data('root.crt'), 'root.crt');
const all: TrustedSigners = { keys, certificates, identities: [], level: 'strict' };
/** Within the lives of the certificates, and outside of that of the signature for an hour. */
const now = new Date('2027-06-01T00:00:00Z');

async function reason(given: Evidence, signers: TrustedSigners, at = now, of = digest): Promise<string> {
  const verdict = await judge(given, of, signers, at);
  return verdict.valid ? `good: ${verdict.signer}` : verdict.reason;
}

describe('signatures made by strangers', () => {
  const good: Record<string, string> = {
    'cosign: tag': 'cosign.pub',
    'cosign: referrer': 'cosign.pub',
    'cosign: bundle': 'cosign.pub',
    'cosign: RSA': 'rsa.pub',
    'cosign: Ed25519': 'ed25519.pub',
    'cosign: P-384': 'p384.pub',
    'notation: RSA': 'C=US,ST=WA,O=Acme\\, Inc,CN=signer-rsa',
    'notation: P-384': 'C=US,ST=WA,O=Acme\\, Inc,CN=signer-ec',
    'notation: COSE': 'C=US,ST=WA,O=Acme\\, Inc,CN=signer-ec',
  };
  for (const [name, signer] of Object.entries(good)) {
    test(`${name}: good for whom the policy trusts, of this image only`, async () => {
      expect(await reason(evidence[name]!, all)).toBe(`good: ${signer}`);
      expect(await reason(evidence[name]!, all, now, other)).toBe(`it is a signature of another image, ${digest}`);
      const nobody = { ...all, keys: keys.filter(key => key.name !== signer), certificates: [] };
      expect(await reason(evidence[name]!, nobody)).toMatch(/none of the keys|names no certificates/);
    });
  }

  test('an attestation is no signature', async () => {
    expect(await reason(evidence['cosign: attestation']!, all)).toContain('it is an attestation');
  });

  test('what has expired is refused under strict, and a warning under permissive', async () => {
    const hour = evidence['notation: for an hour']!;
    expect(await reason(hour, all)).toContain('the signature has expired');
    const verdict = await judge(hour, digest, { ...all, level: 'permissive' }, now);
    expect(verdict).toMatchObject({ valid: true, warnings: [expect.stringContaining('has expired')] });
    const late = new Date('2200-01-01T00:00:00Z');
    expect(await reason(evidence['notation: RSA']!, all, late)).toContain('is valid from');
  });

  test('identities narrow down whom a certificate vouches for', async () => {
    const only = (text: string) => ({ ...all, identities: [parseIdentity(text)!] });
    const given = evidence['notation: RSA']!;
    expect(await reason(given, only('x509.subject: C=US, ST=WA, O=Acme\\, Inc'))).toStartWith('good');
    expect(await reason(given, only('x509.subject: CN=signer-ec'))).toContain("none of the policy's identities");
    expect(parseIdentity('*')).toBeUndefined();
    for (const wrong of ['Acme', 'x509.subject:', 'x509.subject: Acme', 'x509.subject: =x']) {
      expect(() => parseIdentity(wrong)).toThrow('the identity');
    }
  });
});

describe('a signature that was tampered with', () => {
  const tag = evidence['cosign: tag'] as Extract<Evidence, { kind: 'cosign' }>;
  const bundle = evidence['cosign: bundle'] as Extract<Evidence, { kind: 'bundle' }>;
  const notation = evidence['notation: P-384'] as Extract<Evidence, { kind: 'notation' }>;
  const cose = evidence['notation: COSE'] as Extract<Evidence, { kind: 'notation' }>;
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const plain = (text: string) => Buffer.from(text, 'base64').toString();

  test('in its payload', async () => {
    const payload = base64(plain(tag.payload).replaceAll(digest, other));
    expect(await reason({ ...tag, payload }, all, now, other)).toContain('none of the keys');
  });

  test('in a bundle', async () => {
    const json = JSON.parse(bundle.bundle) as { dsseEnvelope: { payload: string } };
    json.dsseEnvelope.payload = base64(plain(json.dsseEnvelope.payload).replaceAll(digest.slice(7), other.slice(7)));
    expect(await reason({ kind: 'bundle', bundle: JSON.stringify(json) }, all, now, other)).toContain(
      'none of the keys',
    );
  });

  test('in an envelope', async () => {
    const json = JSON.parse(plain(notation.envelope)) as Record<string, string>;
    const target = Buffer.from(json['payload']!, 'base64url').toString().replaceAll(digest, other);
    const forged = { ...json, payload: Buffer.from(target).toString('base64url') };
    const envelope = base64(JSON.stringify(forged));
    expect(await reason({ ...notation, envelope }, all, now, other)).toContain('was changed after it was signed');
  });

  test('with another algorithm than its key has', async () => {
    const json = JSON.parse(plain(notation.envelope)) as Record<string, string>;
    for (const alg of ['none', 'HS256', 'ES256']) {
      const header = { ...JSON.parse(Buffer.from(json['protected']!, 'base64url').toString()), alg };
      const forged = { ...json, protected: Buffer.from(JSON.stringify(header)).toString('base64url') };
      expect(await reason({ ...notation, envelope: base64(JSON.stringify(forged)) }, all)).toContain('its algorithm');
    }
  });

  test('or is anything at all', async () => {
    const junk = [
      '',
      '{}',
      'null',
      '[]',
      '{"dsseEnvelope":{"payload":1}}',
      '{"payload":"","protected":"","signature":""}',
    ];
    for (const text of junk) {
      expect(await reason({ kind: 'bundle', bundle: text }, all)).not.toContain('good');
      expect(await reason({ ...notation, envelope: base64(text) }, all)).not.toContain('good');
      expect(await reason({ ...cose, envelope: base64(text) }, all)).not.toContain('good');
      expect(await reason({ ...tag, payload: base64(text) }, all)).not.toContain('good');
      expect(await reason({ ...tag, signature: base64(text) }, all)).not.toContain('good');
    }
  });

  test('at any byte of it', async () => {
    for (const given of [notation, cose]) {
      const envelope = Buffer.from(given.envelope, 'base64');
      for (let at = 0; at < envelope.length; at += 37) {
        const changed = Buffer.from(envelope);
        changed[at]! ^= 1;
        // What is not signed (the agent's name, white space) may differ; the image it speaks of may not.
        expect(await reason({ ...given, envelope: changed.toString('base64') }, all, now, other)).not.toStartWith(
          'good',
        );
        const short = { ...given, envelope: envelope.subarray(0, at).toString('base64') };
        expect(await reason(short, all)).not.toStartWith('good');
      }
    }
  });
});

describe('chains of certificates', () => {
  const chain = testChain();
  const signers = { ...all, certificates: [chain.root] };
  const artifact = { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest, size: 1 };
  const signed = (given: (typeof chain.leaf)[], key: KeyObject) => signWithChain(key, given, artifact, now);
  const today = new Date();

  test('that hold together are good', async () => {
    expect(await reason(signed([chain.leaf, chain.root], chain.leafKey), signers, today)).toStartWith('good');
  });

  test('that miss their root, or have another one, are not', async () => {
    expect(await reason(signed([chain.leaf], chain.leafKey), signers, today)).toContain('does not end with a root');
    const foreign = testChain();
    const mixed = signed([chain.leaf, foreign.root], chain.leafKey);
    expect(await reason(mixed, { ...signers, certificates: [foreign.root] }, today)).toContain(
      'does not hold together',
    );
    const strange = signed([foreign.leaf, foreign.root], foreign.leafKey);
    expect(await reason(strange, signers, today)).toContain("none of the policy's certificates");
  });

  test('an authority must not sign code, nor a server’s certificate', async () => {
    expect(await reason(signed([chain.root], chain.rootKey), signers, today)).toContain('one of an authority');
    expect(await reason(signed([chain.server, chain.root], chain.serverKey), signers, today)).toContain(
      'not for signing code',
    );
  });

  test('one that says where revocations are told is for permissive only', async () => {
    const given = signed([chain.revocable, chain.root], chain.revocableKey);
    expect(await reason(given, signers, today)).toContain('revocations');
    expect(await reason(given, { ...signers, level: 'permissive' }, today)).toStartWith('good');
  });
});

describe('keys', () => {
  test("cosign's encrypted key is read, with its passphrase only", async () => {
    const text = data('cosign.key').toString();
    expect(isEncrypted(text)).toBe(true);
    const key = await readPrivateKey(text, 'cosign.key', 'secret');
    expect(keyId(createPublicKey(key))).toBe(keys[0]!.id);
    await expect(readPrivateKey(text, 'cosign.key', 'wrong')).rejects.toThrow('the passphrase of cosign.key is wrong');
  });

  test('a new key goes out and in again, and signs', async () => {
    const key = generateSigningKey();
    const again = await readPrivateKey(await encryptPrivateKey(key, 'x'), 'new', 'x');
    const pem = createPublicKey(again).export({ type: 'spki', format: 'pem' }).toString();
    const signers = { ...all, keys: readPublicKeys(pem, '/some/where/new.pub') };
    expect(await reason(signWithKey(key, 'registry.example/app', digest), signers)).toBe('good: new.pub');
  });

  test('of Ed25519 and RSA sign, too', async () => {
    const pairs = [generateKeyPairSync('ed25519'), generateKeyPairSync('rsa', { modulusLength: 2048 })];
    for (const { publicKey, privateKey } of pairs) {
      const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
      const signers = { ...all, keys: readPublicKeys(pem, 'k') };
      expect(await reason(signWithKey(privateKey, 'r/app', digest), signers)).toBe('good: k');
    }
  });

  test('that can’t be used say why', async () => {
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const pem = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString();
    expect(() => readPublicKeys(pem(weak.publicKey), 'weak')).toThrow('rsa 1024');
    expect(() => readPublicKeys('no key', 'file')).toThrow('holds no public key');
    expect(() => readPublicKeys(data('cosign.key').toString(), 'file')).toThrow('holds a private key');
    expect(() => readCertificates(Buffer.from('nothing'), 'file')).toThrow('holds no certificate');
    await expect(readPrivateKey('nothing', 'file', '')).rejects.toThrow('holds no private key');
    const costly = data('cosign.key').toString().split('\n').slice(1, -2).join('');
    const json = JSON.parse(Buffer.from(costly, 'base64').toString()) as { kdf: { params: { N: number } } };
    json.kdf.params.N = 2 ** 30;
    const body = Buffer.from(JSON.stringify(json)).toString('base64');
    const bomb = `-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n${body}\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n`;
    await expect(readPrivateKey(bomb, 'bomb', 'x')).rejects.toThrow('is not an encrypted key');
  });
});
