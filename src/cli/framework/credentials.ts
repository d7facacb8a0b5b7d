// Credentials of registries: from the config file, or from the helper programs it names.
import type { AuthConfig } from '../../wire/types.ts';
import type { Cli } from './cli.ts';
import type { ConfigFile, StoredAuth } from './config-file.ts';
import { ExitError } from './errors.ts';

/** The key that Docker has always used for its own registry. */
export const DOCKER_HUB_KEY = 'https://index.docker.io/v1/';

/** What a registry's credentials are stored under. */
function registryKey(domain: string): string {
  return domain === 'docker.io' || domain === 'index.docker.io' ? DOCKER_HUB_KEY : domain;
}

/** The header that carries credentials to the engine. */
function encodeAuth(credentials: AuthConfig): string {
  // Engines insist on the padding, which the plain form of base64url leaves out.
  return Buffer.from(JSON.stringify(credentials)).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
}

/** The credentials of one registry; empty if there are none. */
export async function credentialsFor(config: ConfigFile, domain: string): Promise<AuthConfig> {
  const key = registryKey(domain);
  const helper = config.credHelpers?.[key] ?? config.credHelpers?.[domain] ?? config.credsStore;
  if (helper) {
    const found = await askHelper(helper, key);
    if (found) return found;
  }
  const stored = Object.entries(config.auths ?? {}).find(([name]) => name === key || hostOf(name) === hostOf(key));
  return stored ? decodeStored(stored[1], key) : {};
}

/** Everything that is stored, for a container that may use the engine as this user. */
export async function allCredentials(config: ConfigFile): Promise<Record<string, AuthConfig>> {
  const found: Record<string, AuthConfig> = {};
  for (const [key, stored] of Object.entries(config.auths ?? {})) found[key] = decodeStored(stored, key);
  if (config.credsStore) {
    const listed = await runHelper(config.credsStore, 'list', '');
    for (const key of Object.keys(JSON.parse(listed || '{}') as Record<string, string>)) {
      const credentials = await askHelper(config.credsStore, key);
      if (credentials) found[key] = credentials;
    }
  }
  for (const [key, helper] of Object.entries(config.credHelpers ?? {})) {
    const credentials = await askHelper(helper, key);
    if (credentials) found[key] = credentials;
  }
  return found;
}

const hostOf = (key: string) => key.replace(/^https?:\/\//, '').replace(/\/.*$/, '');

function decodeStored(stored: StoredAuth, key: string): AuthConfig {
  const plain = stored.auth ? Buffer.from(stored.auth, 'base64').toString().replace(/\0+$/, '') : '';
  const colon = plain.indexOf(':');
  if (plain !== '' && colon < 0) throw new ExitError(1, 'invalid auth configuration file');
  const credentials: AuthConfig = {
    username: plain === '' ? stored.username : plain.slice(0, colon),
    password: plain === '' ? stored.password : plain.slice(colon + 1),
    serveraddress: stored.serveraddress ?? key,
  };
  // A token stands in for the password.
  return stored.identitytoken ? { ...credentials, password: '', identitytoken: stored.identitytoken } : credentials;
}

async function askHelper(helper: string, key: string): Promise<AuthConfig | undefined> {
  const answer = await runHelper(helper, 'get', key);
  if (answer === '') return undefined;
  const { Username, Secret } = JSON.parse(answer) as { Username: string; Secret: string };
  return Username === '<token>'
    ? { identitytoken: Secret, serveraddress: key }
    : { username: Username, password: Secret, serveraddress: key };
}

/** Speaks the helpers' protocol: a verb as argument, the registry on stdin, JSON on stdout. Empty if nothing is stored. */
export async function runHelper(
  helper: string,
  verb: 'get' | 'list' | 'store' | 'erase',
  input: string,
): Promise<string> {
  const program = `docker-credential-${helper}`;
  const path = Bun.which(program, { PATH: process.env['PATH'] ?? '' });
  if (path === null) {
    throw helperError(verb, `exec: "${program}": executable file not found in $PATH`, '');
  }
  const child = Bun.spawn([path, verb], { stdin: Buffer.from(input), stdout: 'pipe', stderr: 'pipe' });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code === 0) return out.trim();
  if (/credentials not found/.test(out)) return '';
  throw helperError(verb, `exit status ${code}`, (out || err).trim());
}

const doing = { get: 'getting', list: 'listing', store: 'storing', erase: 'erasing' };

const helperError = (verb: keyof typeof doing, why: string, out: string) =>
  new ExitError(1, `error ${doing[verb]} credentials - err: ${why}, out: \`${out}\``);

/**
 * The header for requests that concern a registry. What is wrong with the stored credentials is told and no more: many
 * registries need none.
 */
export async function registryAuth(cli: Pick<Cli, 'config' | 'err'>, domain: string): Promise<string> {
  try {
    return encodeAuth(await credentialsFor(await cli.config(), domain));
  } catch (error) {
    if (!(error instanceof ExitError)) throw error;
    cli.err.line(`WARNING: no credentials for ${domain}: ${error.message}`);
    return encodeAuth({});
  }
}
