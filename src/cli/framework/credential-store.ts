// Where `login` puts credentials and `logout` takes them from: a helper program, or the config file.
import type { AuthConfig } from '../../wire/types.ts';
import type { Cli } from './cli.ts';
import { changeConfigFile, type StoredAuth } from './config-file.ts';
import { runHelper } from './credentials.ts';

async function helperFor(cli: Cli, server: string): Promise<string | undefined> {
  const { credHelpers, credsStore } = await cli.config();
  return credHelpers?.[server] ?? (credsStore || undefined);
}

/** Keeps credentials under the name of their server. Warns when that is a file that others may read. */
export async function storeCredentials(cli: Cli, server: string, credentials: AuthConfig): Promise<void> {
  const { username = '', password = '', identitytoken: token } = credentials;
  const helper = await helperFor(cli, server);
  if (helper === undefined) {
    const auth = username === '' && password === '' ? '' : Buffer.from(`${username}:${password}`).toString('base64');
    const stored = { ...(auth !== '' && { auth }), ...(token && { identitytoken: token }) };
    const isNew = await storeInFile(cli, server, stored);
    if (isNew && password !== '') cli.err.line(unencryptedWarning(`${cli.configDirectory}/config.json`));
    return;
  }
  const secret = token ? { Username: '<token>', Secret: token } : { Username: username, Secret: password };
  await runHelper(helper, 'store', JSON.stringify({ ServerURL: server, ...secret }));
  // The file names the server, so that others see who is logged in where.
  await storeInFile(cli, server, {});
}

const unencryptedWarning = (file: string) => `
WARNING! Your credentials are stored unencrypted in '${file}'.
Name a credential helper there ("credsStore") to have them kept safe.
`;

/** False when the file says so already. */
async function storeInFile(cli: Cli, server: string, stored: StoredAuth): Promise<boolean> {
  const { auths } = await cli.config();
  if (JSON.stringify(auths?.[server]) === JSON.stringify(stored)) return false;
  await changeConfigFile(cli.configDirectory, { auths: { ...auths, [server]: stored } });
  return true;
}

/** Forgets what is stored under any of the names. Returns what went wrong where, by name. */
export async function eraseCredentials(cli: Cli, servers: readonly string[]): Promise<Map<string, string>> {
  const failures = new Map<string, string>();
  for (const server of servers) {
    const helper = await helperFor(cli, server);
    if (helper === undefined) continue;
    try {
      await runHelper(helper, 'erase', server);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      failures.set(server, error.message);
    }
  }
  const { auths = {} } = await cli.config();
  const kept = Object.entries(auths).filter(([server]) => !servers.includes(server) || failures.has(server));
  if (kept.length < Object.keys(auths).length) {
    await changeConfigFile(cli.configDirectory, { auths: Object.fromEntries(kept) });
  }
  return failures;
}

/** The host of a server that may be given as a URL. */
export function serverHost(server: string): string {
  const url = /^[a-z]+:\/\/([^/]+)/i.exec(server);
  return url ? url[1]! : server.split('/', 1)[0]!;
}
