// `docker-credential-dockyard`: keeps the credentials of registries for docker clients (ours and others), encrypted. The
// protocol: a verb as argument, one message on stdin, one on stdout; errors are told on stdout as well, with exit code 1.
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, resolve } from 'node:path';
import { waitForLock } from '../../kernel/lock.ts';
import { invalid, messageOf, notFound } from '../../lib/errors.ts';
import { productVersion } from '../../lib/product.ts';
import { existingKey, freshKey, type VaultKey } from './keys.ts';
import { type Credentials, openBox, readBox, writeBox } from './vault.ts';

/** Clients know this text: it means "go on without". */
const NOT_FOUND = 'credentials not found in native keychain';
const MAX_MESSAGE = 1024 * 1024;

export async function run(args: string[]): Promise<number> {
  try {
    process.stdout.write(await answer(args));
    return 0;
  } catch (error) {
    process.stdout.write(`${messageOf(error)}\n`);
    return 1;
  }
}

async function answer([verb, ...rest]: string[]): Promise<string> {
  if (verb === 'version' || verb === '--version') return `docker-credential-dockyard ${productVersion}\n`;
  const verbs: Record<string, () => Promise<string>> = { get, store, erase, list };
  const chosen = verb !== undefined && Object.hasOwn(verbs, verb) ? verbs[verb] : undefined;
  if (!chosen || rest.length > 0) throw invalid('Usage: docker-credential-dockyard <store|get|erase|list|version>');
  return chosen();
}

async function get(): Promise<string> {
  const server = await serverUrl();
  const credential = open(filePath())?.credentials.get(server);
  if (!credential) throw notFound(NOT_FOUND);
  return `${JSON.stringify({ ServerURL: server, ...credential })}\n`;
}

async function store(): Promise<string> {
  const { ServerURL, Username, Secret } = parseMessage(await message());
  if (ServerURL.trim() === '') throw invalid('no credentials server URL');
  if (Username === '') throw invalid('no credentials username');
  const path = filePath();
  using _ = lock(path);
  // A file whose key went with the machine's last shutdown is of no use to anybody any more.
  const { credentials, key } = open(path) ?? { credentials: new Map(), key: freshKey(path) };
  credentials.set(ServerURL.trim(), { Username, Secret });
  writeBox(path, credentials, key.key, key.how);
  return '';
}

async function erase(): Promise<string> {
  const server = await serverUrl();
  const path = filePath();
  using _ = lock(path);
  const opened = open(path);
  if (!opened?.credentials.delete(server)) throw notFound(NOT_FOUND);
  writeBox(path, opened.credentials, opened.key.key, opened.key.how);
  return '';
}

async function list(): Promise<string> {
  const entries = [...(open(filePath())?.credentials ?? [])].map(([server, { Username }]) => [server, Username]);
  return `${JSON.stringify(Object.fromEntries(entries))}\n`;
}

/** Undefined if there is nothing, or nothing that can be opened ever again. */
function open(path: string): { credentials: Credentials; key: VaultKey } | undefined {
  const box = readBox(path);
  const key = box && existingKey(path, box);
  return box && key && { credentials: openBox(box, key.key), key };
}

function filePath(): string {
  const directory = process.env['DOCKER_CONFIG'] || `${homedir()}/.docker`;
  return `${resolve(directory)}/dockyard-credentials.json`;
}

/** Two logins at once must not lose one of them. */
function lock(path: string): Disposable {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const file = openSync(`${path}.lock`, 'a', 0o600);
  waitForLock(file);
  return { [Symbol.dispose]: () => closeSync(file) };
}

async function serverUrl(): Promise<string> {
  const text = (await message()).trim();
  if (text === '') throw invalid('no credentials server URL');
  return text;
}

async function message(): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of Bun.stdin.stream()) {
    size += chunk.length;
    if (size > MAX_MESSAGE) throw invalid('the message is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function parseMessage(text: string): { ServerURL: string; Username: string; Secret: string } {
  try {
    const { ServerURL, Username, Secret } = JSON.parse(text) as Record<string, unknown>;
    if (typeof ServerURL === 'string' && typeof Username === 'string' && typeof Secret === 'string') {
      return { ServerURL, Username, Secret };
    }
  } catch (error) {
    if (!(error instanceof SyntaxError) && !(error instanceof TypeError)) throw error;
  }
  throw invalid('the message is not {"ServerURL": ..., "Username": ..., "Secret": ...}');
}
