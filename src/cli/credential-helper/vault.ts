// The file of credentials: one encrypted box, replaced as a whole. AES-256-GCM, so a changed file is noticed.
import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { failed } from '../../lib/errors.ts';

export interface Credential {
  Username: string;
  Secret: string;
}

/** By server URL. */
export type Credentials = Map<string, Credential>;

/** Where a key comes from: the kernel, by the name of the file, or what the user knows. */
export type KeyKind = 'keyring' | 'passphrase';

interface Box {
  version: 1;
  key: KeyKind;
  /** Of the passphrase. */
  salt?: string;
  nonce: string;
  tag: string;
  content: string;
}

export const KEY_BYTES = 32;
const SALT_BYTES = 16;
const NONCE_BYTES = 12;
/** About 64 MiB and a tenth of a second. */
const SCRYPT = { N: 2 ** 16, r: 8, p: 1, maxmem: 128 * 1024 * 1024 };

export function readBox(path: string): Box | undefined {
  if (!existsSync(path)) return undefined;
  try {
    const box: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (isBox(box)) return box;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw failed(`${path} is not a file of credentials of this version: move it away to begin anew`);
}

function isBox(value: unknown): value is Box {
  if (typeof value !== 'object' || value === null) return false;
  const { version, key, nonce, tag, content } = value as Record<keyof Box, unknown>;
  const isText = [nonce, tag, content].every(field => typeof field === 'string');
  return version === 1 && (key === 'keyring' || key === 'passphrase') && isText;
}

export function openBox(box: Box, key: Uint8Array): Credentials {
  const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(box.nonce, 'base64'), { authTagLength: 16 });
  decipher.setAAD(aad(box));
  decipher.setAuthTag(Buffer.from(box.tag, 'base64'));
  let text: string;
  try {
    text = Buffer.concat([decipher.update(Buffer.from(box.content, 'base64')), decipher.final()]).toString();
  } catch (error) {
    const why = box.key === 'passphrase' ? 'the passphrase is wrong' : 'its key is another one';
    throw failed(`the stored credentials cannot be read: ${why}, or the file was changed`, error);
  }
  return new Map(Object.entries(JSON.parse(text) as Record<string, Credential>));
}

export function writeBox(
  path: string,
  credentials: Credentials,
  key: Uint8Array,
  how: Pick<Box, 'key' | 'salt'>,
): void {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 });
  cipher.setAAD(aad(how));
  const content = Buffer.concat([cipher.update(JSON.stringify(Object.fromEntries(credentials))), cipher.final()]);
  const box: Box = {
    version: 1,
    ...how,
    nonce: nonce.toString('base64'),
    tag: cipher.getAuthTag().toString('base64'),
    content: content.toString('base64'),
  };
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const aside = `${path}.${process.pid}`;
  try {
    const file = openSync(aside, 'w', 0o600);
    try {
      writeFileSync(file, JSON.stringify(box));
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(aside, path);
  } finally {
    rmSync(aside, { force: true });
  }
}

/** What is not secret, but must not be changed by others either. */
function aad({ key, salt = '' }: Pick<Box, 'key' | 'salt'>): Buffer {
  return Buffer.from(`dockyard credentials 1 ${key} ${salt}`);
}

export function newSalt(): string {
  return randomBytes(SALT_BYTES).toString('base64');
}

export function newKey(): Buffer {
  return randomBytes(KEY_BYTES);
}

export function keyOfPassphrase(passphrase: string, salt: string): Buffer {
  return scryptSync(passphrase, Buffer.from(salt, 'base64'), KEY_BYTES, SCRYPT);
}
