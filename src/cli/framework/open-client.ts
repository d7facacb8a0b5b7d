// From the client's settings to a client that talks to the engine.
import { EngineClient } from '../../client/client.ts';
import { ConnectionError } from '../../client/errors.ts';
import { type Dial, dialer } from '../../client/transport.ts';
import { isApiVersion } from '../../client/version.ts';
import { productVersion } from '../../lib/product.ts';
import type { Cli } from './cli.ts';
import { isDefaultEndpoint } from './endpoint.ts';
import { ExitError } from './errors.ts';

export async function openEngineClient(cli: Cli): Promise<EngineClient> {
  const config = cli.config();
  const endpoint = await cli.endpoint();
  const version = process.env.DOCKER_API_VERSION?.replace(/^v/, '') || undefined;
  if (version !== undefined && !isApiVersion(version)) {
    throw new ExitError(1, `invalid DOCKER_API_VERSION: ${version}`);
  }
  const dial = dialer(endpoint);
  return new EngineClient({
    dial: isDefaultEndpoint(cli.globals, config) ? startingEngine(cli, dial) : dial,
    basePath: endpoint.address.kind === 'tcp' ? endpoint.address.basePath : '',
    version,
    headers: { ...config.HttpHeaders, 'User-Agent': `Docker-Client/${productVersion} (linux)` },
  });
}

/** Dials, and where nobody answers at the default socket, starts an engine first. */
function startingEngine(cli: Cli, dial: Dial): Dial {
  return async () => {
    try {
      return await dial();
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      const { startEngine } = await import('./auto-start.ts');
      if (!(await startEngine(cli, error))) throw error;
      return dial();
    }
  };
}
