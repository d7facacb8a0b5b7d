import { forbidden } from '../../lib/errors.ts';
import { shortId } from '../../lib/ids.ts';
import { type NetworkContext, publish } from './context.ts';
import { usersOf } from './describe-network.ts';
import { isPredefinedNetwork } from './network-filters.ts';
import { usesPlugins } from './plugins/plugin-drivers.ts';
import { removePluginNetwork } from './plugins/plugin-networks.ts';
import type { NetworkRecord } from './record.ts';

export async function removeNetwork(context: NetworkContext, network: NetworkRecord): Promise<void> {
  if (isPredefinedNetwork(network)) {
    throw forbidden(`${network.name} is a pre-defined network and cannot be removed`);
  }
  if (network.configOnly) {
    const isUsed = [...context.store.networks].some(other => other.configFrom === network.name);
    if (isUsed) throw forbidden(`error while removing network: configuration network "${network.name}" is in use`);
    context.store.deleteNetwork(network.id);
    return;
  }
  const users = usersOf(context, network);
  if (users.length > 0) {
    const list = users.map(({ name, live }) => `name:"${name}" id:"${shortId(live.id)}"`).join(', ');
    throw forbidden(`error while removing network: network ${network.name} has active endpoints (${list})`);
  }
  if (usesPlugins(network)) {
    await removePluginNetwork(context, network);
  } else {
    context.host.remove(network);
    context.store.deleteNetwork(network.id);
    context.addresses.forget(network.id);
    await context.host.released();
  }
  publish(context, network, 'destroy');
}
