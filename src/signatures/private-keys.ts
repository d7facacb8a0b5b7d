// Private keys that images are signed with: cosign's encrypted files, and plain or encrypted PKCS #8 as openssl writes it.
import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, scryptSync } from 'node:crypto';
import { invalid, unauthorized } from '../lib/errors.ts';
import { isJsonObject } from '../lib/json-object.ts';
import { field } from './json.ts';
import { isSupported, pemBlocks } from './keys.ts';

const ENCRYPTED = 'ENCRYPTED SIGSTORE PRIVATE KEY';
/** What cosign called them before. */
const ENCRYPTED_BEFORE = 'ENCRYPTED COSIGN PRIVATE KEY';
const KDF = { N: 65536, r: 8, p: 1 };
/** What a file may ask of us: a gigabyte would do as an attack. */
const MAX_N = 1 << 20;

/** As cosign makes them. */
export function generateSigningKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
}

/** In the form of cosign.key. */
export async function encryptPrivateKey(key: KeyObject, passphrase: string): Promise<string> {
  const { xsalsa20poly1305 } = await import('@noble/ciphers/salsa.js');
  const [salt, nonce] = [randomBytes(32), randomBytes(24)];
  const plain = key.export({ type: 'pkcs8', format: 'der' });
  const ciphertext = xsalsa20poly1305(derive(passphrase, salt, KDF), nonce).encrypt(plain);
  const json = JSON.stringify({
    kdf: { name: 'scrypt', params: KDF, salt: salt.toString('base64') },
    cipher: { name: 'nacl/secretbox', nonce: nonce.toString('base64') },
    ciphertext: Buffer.from(ciphertext).toString('base64'),
  });
  const lines = Buffer.from(json)
    .toString('base64')
    .match(/.{1,64}/g)!;
  return `-----BEGIN ${ENCRYPTED}-----\n${lines.join('\n')}\n-----END ${ENCRYPTED}-----\n`;
}

/** Whether a passphrase is needed to read it. */
export function isEncrypted(text: string): boolean {
  return pemBlocks(text).some(({ label, pem }) => label.startsWith('ENCRYPTED') || /^Proc-Type:.*ENCRYPTED/m.test(pem));
}

/** Throws unauthorized if the passphrase is wrong. */
export async function readPrivateKey(text: string, name: string, passphrase: string): Promise<KeyObject> {
  const block = pemBlocks(text).find(({ label }) => label.endsWith('PRIVATE KEY'));
  if (!block) throw invalid(`${name} holds no private key (PEM)`);
  const key =
    block.label === ENCRYPTED || block.label === ENCRYPTED_BEFORE
      ? await decrypt(block.pem, name, passphrase)
      : plainKey(block.pem, name, passphrase);
  if (!isSupported(key)) throw invalid(`${name}: take a key of type ECDSA, RSA (2048 bits or more) or Ed25519`);
  return key;
}

function plainKey(pem: string, name: string, passphrase: string): KeyObject {
  try {
    return createPrivateKey({ key: pem, ...(passphrase !== '' && { passphrase }) });
  } catch (error) {
    if (isEncrypted(pem)) throw unauthorized(`the passphrase of ${name} is wrong`, error);
    throw invalid(`${name} holds a malformed private key`, error);
  }
}

async function decrypt(pem: string, name: string, passphrase: string): Promise<KeyObject> {
  const { xsalsa20poly1305 } = await import('@noble/ciphers/salsa.js');
  const { salt, params, nonce, ciphertext } = boxOf(pem, name);
  const box = xsalsa20poly1305(derive(passphrase, salt, params), nonce);
  let plain: Uint8Array;
  try {
    plain = box.decrypt(ciphertext);
  } catch (error) {
    throw unauthorized(`the passphrase of ${name} is wrong`, error);
  }
  return createPrivateKey({ key: Buffer.from(plain), format: 'der', type: 'pkcs8' });
}

function boxOf(pem: string, name: string) {
  const malformed = (cause?: unknown) => invalid(`${name} is not an encrypted key of cosign's`, cause);
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(pem.split('\n').slice(1, -1).join(''), 'base64').toString());
  } catch (error) {
    throw malformed(error);
  }
  const [kdf, cipher] = [field(json, 'kdf'), field(json, 'cipher')];
  const params = field(kdf, 'params');
  if (field(kdf, 'name') !== 'scrypt' || field(cipher, 'name') !== 'nacl/secretbox' || !isJsonObject(params))
    throw malformed();
  const { N, r, p } = params;
  if (![N, r, p].every(each => typeof each === 'number' && Number.isInteger(each) && each > 0)) throw malformed();
  if ((N as number) > MAX_N || (r as number) > 16 || (p as number) > 16) throw malformed();
  const bytes = (value: unknown) => Buffer.from(typeof value === 'string' ? value : '', 'base64');
  const nonce = bytes(field(cipher, 'nonce'));
  if (nonce.length !== 24) throw malformed();
  return {
    salt: bytes(field(kdf, 'salt')),
    params: { N, r, p } as typeof KDF,
    nonce,
    ciphertext: bytes(field(json, 'ciphertext')),
  };
}

function derive(passphrase: string, salt: Uint8Array, { N, r, p }: typeof KDF): Buffer {
  return scryptSync(passphrase, salt, 32, { N, r, p, maxmem: 256 * N * r });
}
