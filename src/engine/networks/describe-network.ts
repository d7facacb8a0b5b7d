// What list and inspect say of a network.
import { formatPrefix } from '../../network/addresses.ts';
import type { EndpointResource, Network, NetworkStatus, SubnetStatus } from '../../wire/types.ts';
import type { NetworkContext } from './context.ts';
import type { LiveEndpoint, NetworkRecord, SandboxRecord } from './record.ts';
import { isPredefined } from './register.ts';

export type NetworkDescription = Network & {
  Containers?: Record<string, EndpointResource>;
  Services?: Record<string, never>;
  Status?: NetworkStatus;
};

export function summarizeNetwork(network: NetworkRecord): Network {
  return {
    Name: network.name,
    Id: network.id,
    Created: network.created,
    Scope: network.scope,
    Driver: network.driver,
    EnableIPv4: network.enableIPv4,
    EnableIPv6: network.enableIPv6,
    IPAM: {
      Driver: network.ipam.driver,
      Options: isPredefined(network.name) ? null : network.ipam.options,
      Config: network.ipam.pools,
    },
    Internal: network.internal,
    Attachable: network.attachable,
    Ingress: network.ingress,
    ConfigFrom: { Network: network.configFrom },
    ConfigOnly: network.configOnly,
    Options: network.options,
    Labels: network.labels,
  };
}

export function describeNetwork(
  context: NetworkContext,
  network: NetworkRecord,
  options: { verbose: boolean },
): NetworkDescription {
  const containers: Record<string, EndpointResource> = {};
  for (const { sandbox, live, name } of usersOf(context, network)) {
    containers[sandbox.container] = {
      Name: name,
      EndpointID: live.id,
      MacAddress: live.macAddress,
      IPv4Address: live.ipv4 ? `${live.ipv4.address}/${live.ipv4.bits}` : '',
      IPv6Address: live.ipv6 ? `${live.ipv6.address}/${live.ipv6.bits}` : '',
    };
  }
  return {
    ...summarizeNetwork(network),
    Containers: containers,
    ...(options.verbose ? { Services: {} } : {}),
    Status: { IPAM: { Subnets: subnetStatus(context, network) } },
  };
}

/** Containers that have an endpoint on the network now. */
export function usersOf(
  context: NetworkContext,
  network: NetworkRecord,
): { sandbox: SandboxRecord; live: LiveEndpoint; name: string }[] {
  return [...context.store.sandboxes].flatMap(sandbox =>
    Object.entries(sandbox.endpoints).flatMap(([key, { network: id, live, gatewayService }]) =>
      id === network.id && live ? [{ sandbox, live, name: gatewayService ? key : sandbox.name }] : [],
    ),
  );
}

function subnetStatus(context: NetworkContext, network: NetworkRecord): Record<string, SubnetStatus> {
  // What is left of a plugin's addresses only the plugin knows.
  if (network.ipam.driver !== 'default') return {};
  return Object.fromEntries(
    context.addresses
      .status(network)
      .map(({ subnet, inUse, available }) => [
        formatPrefix(subnet),
        { IPsInUse: Number(inUse), DynamicIPsAvailable: Number(available) },
      ]),
  );
}
