// Keys that this user signs images with: trust/signing in the client's directory, each encrypted, with its chain of
// certificates beside it if it has one. trust/private is where Docker's own client has Notary's keys; it trips over others.
import type { KeyObject, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { errnoOf, isKind, messageOf } from '../../lib/errors.ts';
import { readCertificates } from '../../signatures/certificates.ts';
import { encryptPrivateKey, isEncrypted, readPrivateKey } from '../../signatures/private-keys.ts';
import type { Cli } from '../framework/cli.ts';
import { ExitError } from '../framework/errors.ts';
import { askHidden } from '../prompt.ts';
import { isTerminal } from '../stdio/terminal.ts';

export interface SigningKey {
  key: KeyObject;
  /** The signer's certificate first; empty for a mere key. */
  chain: X509Certificate[];
}

/** Docker's own name for it. */
const PASSPHRASE = 'DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE';
const namePattern = /^[a-z0-9][a-z0-9._-]*$/;

const certificatesOf = (path: string) => path.replace(/\.key$/, '.crt');
const directoryOf = (cli: Cli) => `${cli.configDirectory}/trust/signing`;

export function checkKeyName(name: string): void {
  if (namePattern.test(name)) return;
  throw new ExitError(
    1,
    `key name "${name}" must start with a lowercase letter or digit and hold only those, ".", "_" and "-"`,
  );
}

export async function storeKey(
  cli: Cli,
  name: string,
  key: KeyObject,
  passphrase: string,
  chain: readonly X509Certificate[] = [],
): Promise<void> {
  const directory = directoryOf(cli);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = `${directory}/${name}.key`;
  if (existsSync(path)) throw new ExitError(1, `there is a key named ${name} already: ${path}`);
  const certificates = certificatesOf(path);
  // One that an earlier key has left would make this key sign in that one's name.
  if (chain.length === 0) rmSync(certificates, { force: true });
  else writeFileSync(certificates, chain.map(each => each.toString()).join(''));
  writeFileSync(path, await encryptPrivateKey(key, passphrase), { mode: 0o600, flag: 'wx' });
}

/** One of the store by its name, or any file; without a name the only one there is. */
export async function openKey(cli: Cli, wanted: string): Promise<SigningKey> {
  const path = wanted.includes('/') ? wanted : storedPath(cli, wanted);
  const key = await readKeyFile(cli, path);
  const certificates = certificatesOf(path);
  const hasChain = certificates !== path && existsSync(certificates);
  return { key, chain: hasChain ? readCertificates(readFileSync(certificates), certificates) : [] };
}

function storedPath(cli: Cli, wanted: string): string {
  const names = storedNames(cli);
  const [only, ...others] = wanted === '' ? names : names.filter(name => name === wanted);
  if (only !== undefined && others.length === 0) return `${directoryOf(cli)}/${only}.key`;
  if (only !== undefined) throw new ExitError(1, `there are several keys (${names.join(', ')}): choose one with --key`);
  const missing = wanted === '' ? 'there is no key to sign with' : `there is no key named ${wanted}`;
  throw new ExitError(
    1,
    `${missing}: make one with 'docker trust key generate', or load one with 'docker trust key load'`,
  );
}

function storedNames(cli: Cli): string[] {
  try {
    const files = readdirSync(directoryOf(cli)).filter(name => name.endsWith('.key'));
    return files.map(name => name.slice(0, -'.key'.length)).sort();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Asks for the passphrase if one is needed. */
export async function readKeyFile(cli: Cli, path: string): Promise<KeyObject> {
  const text = readPrivateFile(path);
  const passphrase = isEncrypted(text) ? await passphraseFor(cli, `Passphrase of ${path}: `) : '';
  try {
    return await readPrivateKey(text, path, passphrase);
  } catch (error) {
    if (!isKind(error, 'unauthorized') && !isKind(error, 'invalid')) throw error;
    throw new ExitError(1, messageOf(error));
  }
}

function readPrivateFile(path: string): string {
  try {
    if ((statSync(path).mode & 0o077) !== 0) {
      throw new ExitError(1, `private key file ${path} must not be readable or writable by others: chmod 600 it`);
    }
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof ExitError) throw error;
    throw new ExitError(1, `the key cannot be read: ${messageOf(error)}`);
  }
}

async function passphraseFor(cli: Cli, question: string): Promise<string> {
  const given = process.env[PASSPHRASE];
  if (given !== undefined) return given;
  if (!isTerminal(0))
    throw new ExitError(1, `a passphrase is needed: there is no terminal to ask at, so set ${PASSPHRASE}`);
  return askHidden(cli, question);
}

export async function newPassphrase(cli: Cli, name: string): Promise<string> {
  const first = await passphraseFor(cli, `Passphrase for new key ${name}: `);
  if ((await passphraseFor(cli, `Repeat passphrase for new key ${name}: `)) === first) return first;
  throw new ExitError(1, 'the passphrases do not match');
}
