// Some address plugins remember nothing of their own: at each start of the engine they are asked again for all that they gave.
import { messageOf } from '../../../lib/errors.ts';
import { log } from '../../../lib/logger.ts';
import { requirePrefix } from '../../../network/addresses.ts';
import type { AddressPlugin } from '../../../network/plugin/address-driver.ts';
import type { NetworkContext } from '../context.ts';
import type { NetworkRecord, PoolLease } from '../record.ts';
import { hasPluginAddresses, pluginsOf } from './plugin-drivers.ts';

const PATIENCE_MS = 60_000;

/** Whoever wants an address of such a network meanwhile must wait, or it is given twice. */
export function replayAddresses(context: NetworkContext): void {
  for (const network of [...context.store.networks].filter(hasPluginAddresses)) {
    const replay = replayNetwork(context, network).finally(() => context.replays.delete(network.id));
    context.replays.set(network.id, replay);
  }
}

async function replayNetwork(context: NetworkContext, network: NetworkRecord): Promise<void> {
  try {
    const { addresses: plugin } = await pluginsOf(context, network, { patienceMs: PATIENCE_MS });
    if (!plugin || !(await plugin.capabilities()).needsReplay) return;
    const space = await plugin.addressSpace();
    for (const [index, lease] of (network.ipam.leases ?? []).entries()) {
      await replayPool(context, network, plugin, { space, lease, range: network.ipam.pools[index]?.IPRange ?? '' });
    }
  } catch (error) {
    log.warn('an address plugin could not be told again what it gave', {
      network: network.name,
      error: messageOf(error),
    });
  }
}

async function replayPool(
  context: NetworkContext,
  network: NetworkRecord,
  plugin: AddressPlugin,
  { space, lease, range }: { space: string; lease: PoolLease; range: string },
): Promise<void> {
  const { id } = await plugin.requestPool({
    AddressSpace: space,
    Pool: lease.subnet,
    SubPool: range,
    Options: network.ipam.options,
    V6: requirePrefix(lease.subnet).family === 6,
  });
  const before = lease.pool;
  lease.pool = id;
  context.store.saveNetwork(network);
  for (const address of lease.addresses) await plugin.requestAddress(id, address, {});
  for (const claim of context.claims.needed(network.id)) {
    for (const taken of claim.addresses) {
      if (taken.pool !== before) continue;
      await plugin.requestAddress(id, taken.address, {});
      taken.pool = id;
    }
    context.claims.save(claim);
  }
}
