// --use-api-socket: the container gets the engine's socket, and this user's registry logins.
import type { EngineClient } from '../../../client/client.ts';
import { writeArchive } from '../../../client/containers.ts';
import { DEFAULT_SOCKET } from '../../../client/endpoint.ts';
import { tarEntry, writeTar } from '../../../lib/tar/writer.ts';
import type { AuthConfig, ContainerCreateRequest } from '../../../wire/types.ts';
import type { ConfigFile, StoredAuth } from '../../framework/config-file.ts';
import { allCredentials } from '../../framework/credentials.ts';

const DIRECTORY = 'run/secrets/docker';

export type Credentials = Record<string, AuthConfig>;

/** Adds the mount; the credentials that have to be copied in, unless the container brings its own configuration. */
export async function shareEngine(
  config: ConfigFile,
  request: ContainerCreateRequest,
): Promise<Credentials | undefined> {
  const host = request.HostConfig ?? {};
  request.HostConfig = host;
  host.Mounts = [
    ...(host.Mounts ?? []),
    { Type: 'bind', Source: DEFAULT_SOCKET, Target: DEFAULT_SOCKET, BindOptions: {} },
  ];
  if (request.Env?.some(line => line.startsWith('DOCKER_CONFIG='))) return undefined;
  const given = process.env.DOCKER_AUTH_CONFIG;
  const source = given ? { auths: (JSON.parse(given) as ConfigFile).auths } : config;
  const credentials = await allCredentials(source);
  if (Object.keys(credentials).length === 0) return undefined;
  request.Env = [...(request.Env ?? []), `DOCKER_CONFIG=/${DIRECTORY}`];
  return credentials;
}

export async function copyCredentials(client: EngineClient, id: string, credentials: Credentials): Promise<void> {
  const auths: Record<string, StoredAuth> = {};
  for (const [key, { username = '', password = '', identitytoken }] of Object.entries(credentials)) {
    const auth =
      username === '' && password === '' ? undefined : Buffer.from(`${username}:${password}`).toString('base64');
    auths[key] = { auth, identitytoken };
  }
  const content = Buffer.from(JSON.stringify({ auths }, null, '\t'));
  const entry = tarEntry({ name: `${DIRECTORY}/config.json`, kind: 'file', mode: 0o600, size: content.length });
  await writeArchive(client, id, '/', writeTar([{ entry, body: content }]));
}
