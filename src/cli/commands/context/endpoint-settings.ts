// The value of --docker: where an engine is, and what it takes to be let in.
import { resolve } from 'node:path';
import { parseHost, type TlsMaterial } from '../../../client/endpoint.ts';
import { quote } from '../../format/template/quote.ts';
import { type ContextEndpoint, type ContextStore, DOCKER_ENDPOINT } from '../../framework/context-store.ts';
import { ExitError } from '../../framework/errors.ts';
import { readBool } from '../../framework/flag-types.ts';

const keys = ['from', 'host', 'ca', 'cert', 'key', 'skip-tls-verify'];

export const endpointHelp = `The engine is described by key=value pairs, separated by commas:

  from              Context to take the settings of
  host              Where the engine is: unix://, tcp:// or ssh://
  ca                File with the authority that the engine must be certified by
  cert              File with this client's certificate
  key               File with this client's key
  skip-tls-verify   Don't check the engine's certificate`;

export interface EndpointSettings {
  endpoint: ContextEndpoint;
  tls?: TlsMaterial;
}

export async function endpointSettings(
  store: ContextStore,
  given: Readonly<Record<string, string>>,
): Promise<EndpointSettings> {
  try {
    return await read(store, given);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new ExitError(1, `unable to create docker endpoint config: ${error.message}`);
  }
}

async function read(store: ContextStore, given: Readonly<Record<string, string>>): Promise<EndpointSettings> {
  const unknown = Object.keys(given).filter(key => !keys.includes(key));
  if (unknown.length > 0) throw new Error(unknown.map(key => `unrecognized config key: ${key}`).join('\n'));
  if (given.from !== undefined) {
    const endpoint = (await store.need(given.from)).Endpoints[DOCKER_ENDPOINT];
    if (!endpoint) throw new Error(`unable to get endpoint from context ${quote(given.from)}`);
    return { endpoint, tls: await store.readTls(given.from) };
  }
  const skip = skipVerify(given['skip-tls-verify']);
  const tls: TlsMaterial = {
    ca: await content(given.ca),
    cert: await content(given.cert),
    key: await content(given.key),
  };
  const secured = Object.values(tls).some(text => text !== undefined);
  const { host = '' } = given;
  if (host !== '') parseHost(host, secured || skip ? tls : undefined);
  return { endpoint: { Host: host, SkipTLSVerify: skip }, ...(secured && { tls }) };
}

function skipVerify(text: string | undefined): boolean {
  if (text === undefined) return false;
  try {
    return readBool(text);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new Error(`skip-tls-verify: parsing ${quote(text)}: invalid syntax`);
  }
}

async function content(path: string | undefined): Promise<string | undefined> {
  if (!path) return undefined;
  const file = Bun.file(resolve(path));
  if (!(await file.exists())) throw new Error(`open ${path}: no such file or directory`);
  return file.text();
}
