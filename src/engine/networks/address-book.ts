// The addresses of every network, filled from the records: an address is taken exactly as long as a record names it.
import { DockyardError, invalid } from '../../lib/errors.ts';
import type { NetworkId } from '../../lib/ids.ts';
import {
  contains,
  type Family,
  formatAddress,
  type Prefix,
  parseAddress,
  parsePrefix,
  requireAddress,
  requirePrefix,
} from '../../network/addresses.ts';
import { AddressPool, isExhausted } from '../../network/ipam.ts';
import type { IPAMConfig } from '../../wire/types.ts';
import type { InterfaceAddress, NetworkRecord } from './record.ts';
import type { NetworkStore } from './store.ts';

/** An auxiliary address of this name is the router that containers use instead of the bridge. */
const ROUTER_KEYS = { 4: 'DefaultGatewayIPv4', 6: 'DefaultGatewayIPv6' } as const;

interface Subnet {
  pool: AddressPool;
  gateway: string;
}

export class AddressBook {
  readonly #subnets = new Map<NetworkId, Subnet[]>();

  constructor(private readonly store: NetworkStore) {}

  /** The lowest free address, or the one asked for. */
  take(network: NetworkRecord, family: Family, wanted: string | undefined): InterfaceAddress {
    const subnets = this.#of(network).filter(({ pool }) => pool.subnet.family === family);
    if (wanted) return this.#takeThis(subnets, wanted);
    for (const { pool, gateway } of subnets) {
      try {
        return { address: formatAddress(pool.take()), bits: pool.subnet.bits, gateway };
      } catch (error) {
        if (!isExhausted(error)) throw error;
      }
    }
    throw new DockyardError(
      'failed',
      `no available IPv${family} addresses on this network's address pools: ${network.name} (${network.id})`,
    );
  }

  #takeThis(subnets: readonly Subnet[], wanted: string): InterfaceAddress {
    const address = parseAddress(wanted);
    const subnet = address && subnets.find(({ pool }) => contains(pool.subnet, address));
    if (!address || !subnet) {
      throw invalid(`invalid address ${wanted}: It does not belong to any of this network's subnets`);
    }
    subnet.pool.takeThis(address);
    return { address: formatAddress(address), bits: subnet.pool.subnet.bits, gateway: subnet.gateway };
  }

  release(network: NetworkId, address: string): void {
    const value = requireAddress(address);
    for (const { pool } of this.#subnets.get(network) ?? []) {
      if (contains(pool.subnet, value)) pool.release(value);
    }
  }

  /** The network's subnets changed, or it is gone. */
  forget(network: NetworkId): void {
    this.#subnets.delete(network);
  }

  status(network: NetworkRecord): { subnet: Prefix; inUse: bigint; available: bigint }[] {
    return this.#of(network).map(({ pool }) => ({ subnet: pool.subnet, ...pool.status() }));
  }

  #of(network: NetworkRecord): Subnet[] {
    const known = this.#subnets.get(network.id);
    if (known) return known;
    const subnets = network.ipam.pools.map(pool => subnetOf(network, pool));
    this.#subnets.set(network.id, subnets);
    for (const sandbox of this.store.sandboxes) {
      for (const { network: id, live } of Object.values(sandbox.endpoints)) {
        if (id !== network.id || !live) continue;
        for (const taken of [live.ipv4, live.ipv6]) if (taken) this.#occupy(subnets, taken.address);
      }
    }
    return subnets;
  }

  #occupy(subnets: readonly Subnet[], text: string): void {
    const address = requireAddress(text);
    for (const { pool } of subnets) {
      if (contains(pool.subnet, address) && !pool.isTaken(address)) pool.takeThis(address);
    }
  }
}

function subnetOf(network: NetworkRecord, config: IPAMConfig): Subnet {
  const subnet = requirePrefix(config.Subnet ?? '');
  const pool = new AddressPool(subnet, config.IPRange ? parsePrefix(config.IPRange) : undefined);
  const reserved = [config.Gateway, ...Object.values(config.AuxiliaryAddresses ?? {})];
  for (const text of reserved) {
    const address = text ? parseAddress(text) : undefined;
    if (address && !pool.isTaken(address)) pool.takeThis(address);
  }
  const router = config.AuxiliaryAddresses?.[ROUTER_KEYS[subnet.family]] ?? config.Gateway ?? '';
  return { pool, gateway: network.internal ? '' : router };
}
