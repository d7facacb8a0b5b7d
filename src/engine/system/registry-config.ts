// The registries part of `info`.
import type { IndexInfo, RegistryServiceConfig } from '../../wire/types.ts';
import type { EngineConfig } from '../config.ts';

/** Registries on this machine need no TLS. */
const LOCAL_NETWORKS = ['::1/128', '127.0.0.0/8'];

export function registryConfig(
  config: Pick<EngineConfig, 'insecureRegistries' | 'registryMirrors'>,
): RegistryServiceConfig {
  const networks = config.insecureRegistries.filter(isNetwork);
  const hosts = config.insecureRegistries.filter(registry => !isNetwork(registry));
  const mirrors = config.registryMirrors.map(mirror => (mirror.endsWith('/') ? mirror : `${mirror}/`));
  const indexes: Record<string, IndexInfo> = {
    'docker.io': { Name: 'docker.io', Mirrors: mirrors, Secure: true, Official: true },
  };
  for (const host of hosts) indexes[host] = { Name: host, Mirrors: [], Secure: false, Official: false };
  return { InsecureRegistryCIDRs: [...LOCAL_NETWORKS, ...networks], IndexConfigs: indexes, Mirrors: mirrors };
}

function isNetwork(registry: string): boolean {
  return /^[0-9a-f.:]+\/\d{1,3}$/i.test(registry);
}
