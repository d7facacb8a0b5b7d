// A container with several networks has one way out, and speaks by it with whatever address a conversation of its has begun with.
import type { FirewallSender } from '../../network/firewall/firewall.ts';
import type { NetworkContext } from './context.ts';
import { type ActiveEndpoint, activeEndpoints } from './gateway.ts';
import type { SandboxRecord } from './record.ts';

export function sendersOf(context: NetworkContext, sandbox: SandboxRecord): FirewallSender[] {
  const active = activeEndpoints(context, sandbox);
  return active.flatMap(self => {
    const others = active.filter(({ live }) => live !== self.live).flatMap(addressesOf);
    const addresses = [...others, ...(self.endpoint.ipam?.LinkLocalIPs ?? [])];
    // Most containers have one network.
    const bridge = addresses.length > 0 && context.host.driver(self.network).firewall(self.network)?.bridge;
    return bridge ? addresses.map(address => ({ address, bridge })) : [];
  });
}

const addressesOf = ({ live }: ActiveEndpoint) =>
  [live.ipv4, live.ipv6].flatMap(address => (address ? [address.address] : []));
