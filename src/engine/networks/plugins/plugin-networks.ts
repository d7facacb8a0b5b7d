// Networks whose driver or addresses are a plugin's: what is asked of the plugins when one is made and removed. The record comes
// first, marked as unfinished; a crash in between leaves one that the next start takes apart.
import { failed, forbidden, invalid, messageOf } from '../../../lib/errors.ts';
import { log } from '../../../lib/logger.ts';
import {
  contains,
  formatAddress,
  formatPrefix,
  overlaps,
  type Prefix,
  parseAddress,
  parsePrefix,
  requirePrefix,
} from '../../../network/addresses.ts';
import { driverNamed } from '../../../network/drivers/drivers.ts';
import { OPTION } from '../../../network/drivers/options.ts';
import { type AddressPlugin, isEveryAddress, type LeasedPool } from '../../../network/plugin/address-driver.ts';
import type { NetworkPlugin, PoolData } from '../../../network/plugin/network-driver.ts';
import type { IPAMConfig } from '../../../wire/types.ts';
import type { NetworkContext } from '../context.ts';
import { choosePools, familyOf, hasGateway } from '../network-ipam.ts';
import type { NetworkRecord, PoolLease } from '../record.ts';
import { type NetworkPlugins, pluginsOf } from './plugin-drivers.ts';

type Families = Record<4 | 6, boolean>;

const INTERNAL = 'com.docker.network.internal';
const GENERIC = 'com.docker.network.generic';

/** Stored and finished, or nothing of it is left. */
export async function createPluginNetwork(
  context: NetworkContext,
  network: NetworkRecord,
  scope: string,
): Promise<void> {
  network.unfinished = true;
  context.store.saveNetwork(network);
  let plugins: NetworkPlugins | undefined;
  try {
    plugins = await pluginsOf(context, network, { patienceMs: 0 });
    const needsGateway = await examine(network, plugins.network, scope);
    if (plugins.addresses) await leasePools(context, network, plugins.addresses, needsGateway);
    else context.host.whileChoosing(() => choosePlainPools(context, network, needsGateway));
    Object.assign(network, driverNamed(network.driver).plan(network, [...context.store.networks]));
    context.store.saveNetwork(network);
    await plugins.network?.createNetwork({
      NetworkID: network.id,
      Options: optionsOf(network),
      IPv4Data: poolsOf(network, 4),
      IPv6Data: poolsOf(network, 6),
    });
    context.host.ensure(network);
    delete network.unfinished;
    context.store.saveNetwork(network);
  } catch (error) {
    network.unfinished = true;
    await takeApart(context, network, plugins);
    throw error;
  }
}

/** It is gone in any case: a plugin that has left must not keep its networks here for ever. */
export async function removePluginNetwork(context: NetworkContext, network: NetworkRecord): Promise<void> {
  if (context.claims.isPending(network.id)) {
    throw forbidden(`error while removing network: network ${network.name} has active endpoints`);
  }
  network.unfinished = true;
  context.store.saveNetwork(network);
  await context.claims.settle({ network: network.id });
  let plugins: NetworkPlugins | undefined;
  try {
    plugins = await pluginsOf(context, network, { patienceMs: 0 });
  } catch (error) {
    log.warn('a network is removed without its plugin', { network: network.name, error: messageOf(error) });
    context.claims.drop(network.id);
  }
  await takeApart(context, network, plugins);
}

async function takeApart(
  context: NetworkContext,
  network: NetworkRecord,
  plugins: NetworkPlugins | undefined,
): Promise<void> {
  const complain = (error: unknown) =>
    log.warn('a network could not be taken apart in full', { network: network.name, error: messageOf(error) });
  try {
    context.host.remove(network);
  } catch (error) {
    complain(error);
  }
  await plugins?.network?.deleteNetwork(network.id).catch(complain);
  if (plugins?.addresses) await releasePools(network.ipam.leases ?? [], plugins.addresses, complain);
  context.store.deleteNetwork(network.id);
  context.addresses.forget(network.id);
}

async function releasePools(
  leases: readonly PoolLease[],
  plugin: AddressPlugin,
  complain: (error: unknown) => void,
): Promise<void> {
  for (const { pool, addresses } of leases) {
    for (const address of addresses) await plugin.releaseAddress(pool, address).catch(complain);
    await plugin.releasePool(pool).catch(complain);
  }
}

/** What the driver can do decides the network's scope; the answer is which families are to have a gateway. */
async function examine(network: NetworkRecord, plugin: NetworkPlugin | undefined, scope: string): Promise<Families> {
  if (!plugin) {
    const { givesGateways } = driverNamed(network.driver);
    return { 4: givesGateways && hasGateway(network, 4), 6: givesGateways && hasGateway(network, 6) };
  }
  const capabilities = await plugin.capabilities();
  if (scope === 'local' && capabilities.scope === 'global') {
    throw forbidden(`cannot downgrade network scope for ${network.driver} networks`);
  }
  if (network.ingress) {
    throw forbidden(
      capabilities.scope === 'global'
        ? 'an ingress network needs a swarm, which is not active'
        : 'Ingress network can only be global scope network',
    );
  }
  network.scope = capabilities.scope;
  if (!capabilities.decidesGateways) return { 4: true, 6: true };
  const skipped = await plugin.skipsGateways(optionsOf(network));
  return { 4: !skipped[4], 6: !skipped[6] };
}

function choosePlainPools(context: NetworkContext, network: NetworkRecord, needsGateway: Families): void {
  network.ipam.pools = choosePools(context, network, family => needsGateway[family]);
  context.store.saveNetwork(network);
}

async function leasePools(
  context: NetworkContext,
  network: NetworkRecord,
  plugin: AddressPlugin,
  needsGateway: Families,
): Promise<void> {
  const space = await plugin.addressSpace();
  const asked = network.ipam.pools;
  const pools: IPAMConfig[] = [];
  const leases: PoolLease[] = [];
  network.ipam.leases = leases;
  const families = [...(network.enableIPv4 ? [4 as const] : []), ...(network.enableIPv6 ? [6 as const] : [])];
  for (const family of families) {
    const configs = asked.filter(config => familyOf(config) === family);
    for (const config of configs.length > 0 ? configs : [{}]) {
      const pool = await leasePool(context, network, plugin, { space, family, config });
      const lease: PoolLease = { pool: pool.id, subnet: formatPrefix(pool.subnet), addresses: [] };
      leases.push(lease);
      // Stored as it grows: what is not named here would never be given back.
      context.store.saveNetwork(network);
      pools.push(await reserve(network, plugin, { lease, pool, config, needsGateway: needsGateway[family] }));
      context.store.saveNetwork(network);
    }
  }
  network.ipam.pools = pools;
}

interface PoolQuestion {
  space: string;
  family: 4 | 6;
  config: IPAMConfig;
}

/** A subnet that the host uses for something else is held until there is a better one, so that it is not given again. */
async function leasePool(
  context: NetworkContext,
  network: NetworkRecord,
  plugin: AddressPlugin,
  { space, family, config }: PoolQuestion,
): Promise<LeasedPool> {
  const request = {
    AddressSpace: space,
    Pool: config.Subnet ?? '',
    SubPool: config.IPRange ?? '',
    Options: network.ipam.options,
    V6: family === 6,
  };
  const reserved = config.Subnet ? [] : context.host.reservedSubnets();
  const unusable: LeasedPool[] = [];
  try {
    for (;;) {
      const pool = await plugin.requestPool(request);
      const collides = reserved.some(prefix => overlaps(prefix, pool.subnet));
      if (isEveryAddress(pool.subnet) || !collides) return pool;
      // One that gives the same again has no other.
      if (unusable.some(({ id }) => id === pool.id)) {
        throw failed(`the subnet ${formatPrefix(pool.subnet)} of plugin ${network.ipam.driver} is in use on this host`);
      }
      unusable.push(pool);
    }
  } finally {
    for (const { id } of unusable) {
      await plugin.releasePool(id).catch(error => log.warn('could not release a subnet', { error: messageOf(error) }));
    }
  }
}

interface Reservation {
  lease: PoolLease;
  pool: LeasedPool;
  config: IPAMConfig;
  needsGateway: boolean;
}

async function reserve(
  network: NetworkRecord,
  plugin: AddressPlugin,
  { lease, pool, config, needsGateway }: Reservation,
): Promise<IPAMConfig> {
  const result: IPAMConfig = { Subnet: formatPrefix(pool.subnet) };
  if (config.IPRange) result.IPRange = config.IPRange;
  const gateway = await gatewayOf(plugin, { lease, pool, config, needsGateway });
  if (gateway) result.Gateway = formatAddress(gateway);
  for (const [name, text] of Object.entries(config.AuxiliaryAddresses ?? {})) {
    const address = parseAddress(text);
    if (!address)
      throw invalid(`non parsable secondary ip address (${name}:${text}) passed for network ${network.name}`);
    if (!contains(pool.subnet, address)) {
      throw forbidden(
        `auxiliary address: (${name}:${text}) must belong to the master pool: ${formatPrefix(pool.subnet)}`,
      );
    }
    await plugin.requestAddress(pool.id, text, {});
    lease.addresses.push(text);
    result.AuxiliaryAddresses = { ...result.AuxiliaryAddresses, [name]: text };
  }
  return result;
}

async function gatewayOf(
  plugin: AddressPlugin,
  { lease, pool, config, needsGateway }: Reservation,
): Promise<Prefix | undefined> {
  if (!config.Gateway && pool.gateway) return requirePrefix(pool.gateway);
  if (!config.Gateway && !needsGateway) return undefined;
  const gateway = await plugin.requestGateway(pool.id, config.Gateway ?? '');
  lease.addresses.push(formatAddress(gateway));
  return gateway;
}

/** As the protocol has them: what the engine means by a network, and under one name what the user gave for the driver. */
function optionsOf(network: NetworkRecord): Record<string, unknown> {
  return {
    [OPTION.enableIPv4]: network.enableIPv4,
    [OPTION.enableIPv6]: network.enableIPv6,
    ...(network.internal ? { [INTERNAL]: true } : {}),
    [GENERIC]: network.options,
  };
}

function poolsOf(network: NetworkRecord, family: 4 | 6): PoolData[] {
  const enabled = family === 4 ? network.enableIPv4 : network.enableIPv6;
  if (enabled && network.ipam.driver === 'null') {
    return [{ AddressSpace: 'null', Pool: family === 4 ? '0.0.0.0/0' : '::/0' }];
  }
  return network.ipam.pools.flatMap(({ Subnet, Gateway, AuxiliaryAddresses }) => {
    const subnet = parsePrefix(Subnet ?? '');
    if (subnet?.family !== family) return [];
    const inSubnet = (address: string) => `${address}/${subnet.bits}`;
    const reserved = Object.entries(AuxiliaryAddresses ?? {}).map(([name, address]) => [name, inSubnet(address)]);
    return [
      {
        AddressSpace: network.ipam.driver === 'default' ? 'LocalDefault' : network.ipam.driver,
        Pool: formatPrefix(subnet),
        ...(Gateway ? { Gateway: inSubnet(Gateway) } : {}),
        ...(reserved.length > 0 ? { AuxAddresses: Object.fromEntries(reserved) } : {}),
      },
    ];
  });
}
