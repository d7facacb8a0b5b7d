// Where the subnets of new networks come from.
import type { NetworkId } from '../../lib/ids.ts';
import { type Prefix, requirePrefix } from '../../network/addresses.ts';
import { DEFAULT_POOLS, type PredefinedPool, uniqueLocalPool } from '../../network/ipam.ts';
import type { NetworkConfig } from '../config.ts';
import type { NetworkStore } from './store.ts';

export function addressPools(config: NetworkConfig, engine: string): PredefinedPool[] {
  const asked = config.defaultAddressPools.map(({ base, size }) => ({ base: requirePrefix(base), size }));
  const pools = asked.some(({ base }) => base.family === 4) ? asked : [...DEFAULT_POOLS, ...asked];
  return pools.some(({ base }) => base.family === 6) ? pools : [...pools, uniqueLocalPool(engine)];
}

export function takenSubnets(store: NetworkStore, except?: NetworkId): Prefix[] {
  return [...store.allNetworks].flatMap(network =>
    // What a plugin gives out is of an address space of its own.
    network.id === except || network.configOnly || network.ipam.driver !== 'default'
      ? []
      : network.ipam.pools.flatMap(({ Subnet }) => (Subnet ? [requirePrefix(Subnet)] : [])),
  );
}
