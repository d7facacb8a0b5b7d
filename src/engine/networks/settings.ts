// What inspect and list say of a container's networks.
import type { EndpointSettings, NetworkSettings, PortBinding, PortMap } from '../../wire/types.ts';
import type { NetworkContext } from './context.ts';
import { namespaceLink } from './namespace-link.ts';
import type { EndpointRecord, SandboxRecord } from './record.ts';

export function networkSettings(context: NetworkContext, sandbox: SandboxRecord | undefined): NetworkSettings {
  const networks: Record<string, EndpointSettings> = {};
  for (const [name, endpoint] of Object.entries(sandbox?.endpoints ?? {})) {
    if (!endpoint.gatewayService) networks[name] = endpointSettings(endpoint);
  }
  const own = sandbox?.live && sandbox.live.kind !== 'joined';
  return {
    SandboxID: own ? sandbox.live!.id : '',
    SandboxKey: own ? namespaceLink(context, sandbox) : '',
    Ports: portMap(sandbox),
    Networks: networks,
  };
}

export function portMap(sandbox: SandboxRecord | undefined): PortMap {
  if (!sandbox?.live) return {};
  const ports: Record<string, PortBinding[] | null> = {};
  const hasOwnPorts =
    sandbox.live.kind === 'own' && Object.values(sandbox.endpoints).some(({ live }) => live?.ipv4 || live?.ipv6);
  if (!hasOwnPorts) return {};
  for (const key of [...sandbox.exposedPorts, ...Object.keys(sandbox.portBindings)]) ports[key] = null;
  for (const { live } of Object.values(sandbox.endpoints)) {
    for (const { protocol, containerPort, hostAddress, hostPort } of live?.ports ?? []) {
      const key = `${containerPort}/${protocol}`;
      const bindings = ports[key] ?? [];
      bindings.push({ HostIp: hostAddress, HostPort: hostPort > 0 ? String(hostPort) : '' });
      ports[key] = bindings;
    }
  }
  return ports;
}

function endpointSettings(endpoint: EndpointRecord): EndpointSettings {
  const { live } = endpoint;
  return {
    IPAMConfig: endpoint.ipam ?? null,
    Links: listOrNull(endpoint.links),
    Aliases: listOrNull(endpoint.aliases),
    MacAddress: live?.macAddress ?? '',
    DriverOpts: Object.keys(endpoint.driverOptions).length > 0 ? endpoint.driverOptions : null,
    GwPriority: endpoint.gatewayPriority,
    NetworkID: endpoint.network ?? '',
    EndpointID: live?.id ?? '',
    Gateway: live?.ipv4?.gateway ?? '',
    IPAddress: live?.ipv4?.address ?? '',
    IPPrefixLen: live?.ipv4?.bits ?? 0,
    IPv6Gateway: live?.ipv6?.gateway ?? '',
    GlobalIPv6Address: live?.ipv6?.address ?? '',
    GlobalIPv6PrefixLen: live?.ipv6?.bits ?? 0,
    DNSNames: listOrNull(live?.dnsNames ?? []),
  };
}

/** Clients tell by null what was never set. */
const listOrNull = (list: string[]) => (list.length > 0 ? list : null);
