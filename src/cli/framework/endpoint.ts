// Which engine: --context, --host, DOCKER_HOST, DOCKER_CONTEXT, the config's current context, the default socket; in this order.
import { DEFAULT_HOST, type Endpoint, parseHost, type TlsMaterial } from '../../client/endpoint.ts';
import { ClientSetupError } from '../../client/errors.ts';
import type { ConfigFile } from './config-file.ts';
import { ExitError } from './errors.ts';
import { isGiven } from './flags.ts';
import type { Globals } from './globals.ts';

export const DEFAULT_CONTEXT = 'default';

/** The name of the context in use, whether it exists or not. */
export function contextName(globals: Globals, config: ConfigFile): string {
  if (globals.context !== '') return globals.context;
  if (isGiven(globals, 'host') || process.env.DOCKER_HOST) return DEFAULT_CONTEXT;
  return process.env.DOCKER_CONTEXT || config.currentContext || DEFAULT_CONTEXT;
}

/** Nobody said where the engine is: the default socket it is. */
export function isDefaultEndpoint(globals: Globals, config: ConfigFile): boolean {
  return contextName(globals, config) === DEFAULT_CONTEXT && !isGiven(globals, 'host') && !process.env.DOCKER_HOST;
}

export async function resolveEndpoint(globals: Globals, config: ConfigFile): Promise<Endpoint> {
  if (isGiven(globals, 'host') && globals.context !== '') {
    throw new ExitError(1, 'conflicting options: cannot specify both --host and --context');
  }
  const context = contextName(globals, config);
  if (context !== DEFAULT_CONTEXT) {
    const { contextEndpoint } = await import('./context-store.ts');
    return contextEndpoint(globals.config, context);
  }
  return defaultEndpoint(globals);
}

/** The endpoint that flags and environment describe, without any context. */
export async function defaultEndpoint(globals: Globals): Promise<Endpoint> {
  const tls = wantsTls(globals) ? await tlsFromFiles(globals) : undefined;
  const host = globals.host || process.env.DOCKER_HOST || (tls ? 'tcp://localhost:2376' : DEFAULT_HOST);
  return parseHost(host, tls);
}

function wantsTls(globals: Globals): boolean {
  return globals.tls || globals.tlsverify;
}

async function tlsFromFiles(globals: Globals): Promise<TlsMaterial> {
  const verify = globals.tlsverify;
  const material: TlsMaterial = { insecure: !verify };
  // Files named by default may be missing, files named by the user may not; the authority only matters for checking.
  const read = async (name: 'tlscacert' | 'tlscert' | 'tlskey', needed: boolean) => {
    const path = globals[name];
    const file = Bun.file(path);
    if (!(await file.exists())) {
      if (!needed && !isGiven(globals, name)) return undefined;
      throw new ClientSetupError(`open ${path}: no such file or directory`);
    }
    return file.text();
  };
  material.ca = await read('tlscacert', verify);
  material.cert = await read('tlscert', false);
  material.key = await read('tlskey', false);
  return material;
}
