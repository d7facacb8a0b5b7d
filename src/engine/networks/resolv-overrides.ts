import type { ResolvOverrides } from '../../network/resolv-conf.ts';
import type { NetworkContext } from './context.ts';
import type { SandboxRecord } from './record.ts';

/** What the container was given by name, or else the engine. */
export function resolvOverrides(
  { config }: Pick<NetworkContext, 'config'>,
  sandbox: SandboxRecord | undefined,
): ResolvOverrides {
  const choose = (own: readonly string[] | undefined, general: readonly string[]) => (own?.length ? own : general);
  return {
    servers: choose(sandbox?.dns, config.dns),
    search: choose(sandbox?.dnsSearch, config.dnsSearch),
    options: choose(sandbox?.dnsOptions, config.dnsOptions),
  };
}
