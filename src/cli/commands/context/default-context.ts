// The context that is always there: what flags and environment say, without a name in the store.
import type { TlsMaterial } from '../../../client/endpoint.ts';
import type { Cli } from '../../framework/cli.ts';
import { type ContextMetadata, DOCKER_ENDPOINT } from '../../framework/context-store.ts';
import { DEFAULT_CONTEXT, defaultEndpoint } from '../../framework/endpoint.ts';

export const IN_MEMORY = '<IN MEMORY>';

export async function defaultContext(cli: Cli): Promise<{ metadata: ContextMetadata; tls: TlsMaterial }> {
  const { host, tls } = await defaultEndpoint(cli.globals);
  const endpoint = { Host: host, SkipTLSVerify: tls?.insecure ?? false };
  return {
    metadata: { Name: DEFAULT_CONTEXT, Metadata: {}, Endpoints: { [DOCKER_ENDPOINT]: endpoint } },
    tls: tls ?? {},
  };
}
