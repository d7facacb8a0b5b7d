// A container gets its namespace, interfaces, addresses, ports and names. Everything between the first and the last change
// of the kernel is synchronous: two starts never interleave, and a failure takes all of it back.
import { conflict, errnoOf, failed, forbidden, messageOf, withPrefix } from '../../lib/errors.ts';
import { newNetworkId } from '../../lib/ids.ts';
import { addressBytes, requireAddress } from '../../network/addresses.ts';
import { isThere } from '../../network/drivers/host-kernel.ts';
import { OPTION } from '../../network/drivers/options.ts';
import type { SandboxNamespace } from '../../network/sandbox.ts';
import type { NetworkContext } from './context.ts';
import { checkEndpoint, endpointSysctls } from './endpoint-settings.ts';
import { findNetwork, noSuchNetwork } from './find.ts';
import { type ActiveEndpoint, endpointSpec } from './gateway.ts';
import { hardwareAddress } from './hardware-address.ts';
import { linkRulesAround } from './links.ts';
import { NETWORK_FAILURE } from './networks.ts';
import type { Grants } from './plugins/plugin-endpoints.ts';
import type { EndpointRecord, LiveEndpoint, NetworkRecord, PublishedPort, SandboxRecord } from './record.ts';
import { isUserDefined } from './register.ts';

const DEFAULT_PREFIX = 'eth';

/** Each endpoint knows its network by id, and stands under the network's name. The container's own mode comes first. */
export function resolveEndpoints(context: NetworkContext, sandbox: SandboxRecord): [EndpointRecord, NetworkRecord][] {
  const resolved: [string, EndpointRecord, NetworkRecord][] = [];
  for (const [key, endpoint] of Object.entries(sandbox.endpoints)) {
    const network = context.store.network(endpoint.network) ?? findNetwork(context.store, key);
    if (!network) throw noSuchNetwork(key);
    if (network.configOnly) throw forbidden('cannot create endpoint on configuration-only network');
    checkEndpoint(network.name, network, endpoint);
    checkMacAddress(context, network, endpoint);
    endpoint.network = network.id;
    resolved.push([key, endpoint, network]);
  }
  const isMode = (key: string, network: NetworkRecord) =>
    key === sandbox.mode || network.id === sandbox.mode || network.name === sandbox.mode;
  resolved.sort(([a, , first], [b, , second]) => Number(isMode(b, second)) - Number(isMode(a, first)));
  sandbox.endpoints = Object.fromEntries(resolved.map(([, endpoint, network]) => [network.name, endpoint]));
  return resolved.map(([, endpoint, network]) => [endpoint, network]);
}

export function checkMacAddress(context: NetworkContext, network: NetworkRecord, endpoint: EndpointRecord): void {
  if (endpoint.macAddress && context.host.driver(network).sharesMacAddress) {
    throw failed(`${network.driver} interfaces do not support custom mac address assignment`);
  }
}

/** Addresses and names; the kernel knows nothing of it yet. */
export function reserveEndpoint(
  context: NetworkContext,
  sandbox: SandboxRecord,
  endpoint: EndpointRecord,
  network: NetworkRecord,
  grants: Grants | undefined,
): LiveEndpoint {
  const granted = grants?.of(network);
  if (context.defaultBridge.is(network)) context.defaultBridge.ensure(network);
  else context.host.ensure(network);
  const { ipv4, ipv6 } = granted ?? takeAddresses(context, endpoint, network);
  const driver = context.host.driver(network);
  const live: LiveEndpoint = {
    id: granted?.id ?? newNetworkId(),
    interfaceName: interfaceName(sandbox, endpoint, granted?.prefix || network.options[OPTION.interfacePrefix]),
    hostInterface: driver.hostInterfaceName(),
    macAddress: granted?.macAddress || endpoint.macAddress,
    ipv4,
    ipv6,
    dnsNames: isUserDefined(network.name) ? dnsNamesOf(sandbox, endpoint) : [],
    ports: [],
  };
  if (granted?.plugin) live.plugin = granted.plugin;
  else if (!driver.sharesMacAddress) live.macAddress ||= macAddressFor(ipv4?.address ?? ipv6?.address);
  endpoint.live = live;
  return live;
}

/** Of our own books: both families, or none. */
export function takeAddresses(
  context: NetworkContext,
  { ipam }: EndpointRecord,
  network: NetworkRecord,
): Pick<LiveEndpoint, 'ipv4' | 'ipv6'> {
  const ipv4 = network.enableIPv4 ? context.addresses.take(network, 4, ipam?.IPv4Address) : undefined;
  try {
    const ipv6 = network.enableIPv6 ? context.addresses.take(network, 6, ipam?.IPv6Address) : undefined;
    return { ipv4, ipv6 };
  } catch (error) {
    if (ipv4) context.addresses.release(network.id, ipv4.address);
    throw error;
  }
}

export function releaseEndpoint(context: NetworkContext, endpoint: EndpointRecord): void {
  const { live, network } = endpoint;
  if (!live || !network) return;
  endpoint.live = undefined;
  for (const address of [live.ipv4, live.ipv6]) if (address) context.addresses.release(network, address.address);
}

/** From a container that lives on. Returns the ports that it had, which are still held. */
export function takeEndpointAway(
  context: NetworkContext,
  sandbox: SandboxRecord,
  { name, network, endpoint, live }: ActiveEndpoint,
  namespace: SandboxNamespace | undefined,
): readonly PublishedPort[] {
  const spec = endpointSpec({ endpoint, live });
  // Ports first: nobody must reach whoever gets the address next.
  context.host.removePorts(live.ports);
  if (context.defaultBridge.is(network)) context.host.removeLinks(linkRulesAround(context, sandbox));
  if (network.driver !== 'null') {
    context.host.silence(network, spec, namespace);
    if (namespace) context.host.detach(network, spec, namespace);
  }
  delete sandbox.endpoints[name];
  releaseEndpoint(context, endpoint);
  context.store.saveSandbox(sandbox);
  return live.ports;
}

/** Whole, or not at all. */
export function attachEndpoint(
  context: NetworkContext,
  endpoint: EndpointRecord,
  network: NetworkRecord,
  namespace: SandboxNamespace,
): void {
  const live = endpoint.live!;
  try {
    context.host.driver(network).attach(network, endpointSpec({ endpoint, live }), namespace);
  } catch (error) {
    throw isThere(error) && hasLink(namespace, live.interfaceName) ? nameTaken(live.interfaceName) : error;
  }
  if (live.plugin?.sourceInterface) live.macAddress ||= namespace.route.link(live.interfaceName).macAddress;
  try {
    setSysctls(namespace, endpointSysctls(endpoint.driverOptions, live.interfaceName));
  } catch (error) {
    context.host.detach(network, endpointSpec({ endpoint, live }), namespace);
    throw error;
  }
}

/** Containers with the right to do so make interfaces of their own. */
const nameTaken = (name: string) =>
  conflict(
    `the container has an interface ${name} of its own: ask for another name by the driver option ${OPTION.endpointInterface}`,
  );

const hasLink = ({ route }: SandboxNamespace, name: string) => route.links().some(link => link.name === name);

function setSysctls(namespace: SandboxNamespace, sysctls: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(sysctls)) {
    try {
      namespace.setSysctls({ [name]: value });
    } catch (error) {
      const reason = errnoOf(error) === 'ENOENT' ? 'the kernel has no such setting' : messageOf(error);
      throw failed(`cannot set ${name.replaceAll('/', '.')} to "${value}": ${reason}`, error);
    }
  }
}

/** What an endpoint is found by. The first one is the answer to the question whose address it is. */
export function dnsNamesOf(sandbox: SandboxRecord, endpoint: Pick<EndpointRecord, 'aliases'>): string[] {
  return [...new Set([sandbox.name, ...endpoint.aliases, sandbox.container.slice(0, 12), sandbox.hostname])].filter(
    Boolean,
  );
}

function interfaceName(sandbox: SandboxRecord, endpoint: EndpointRecord, wishedPrefix: string | undefined): string {
  const others = Object.values(sandbox.endpoints).filter(other => other !== endpoint);
  const taken = new Set(others.flatMap(other => other.live?.interfaceName ?? []));
  const asked = endpoint.driverOptions[OPTION.endpointInterface];
  if (asked) {
    if (taken.has(asked)) throw conflict(`interface name ${asked} is used by another network of the container`);
    return asked;
  }
  // What another network is to be called stays free for it.
  for (const other of others) taken.add(other.driverOptions[OPTION.endpointInterface] ?? '');
  const prefix = wishedPrefix || DEFAULT_PREFIX;
  for (let number = 0; ; number++) if (!taken.has(`${prefix}${number}`)) return `${prefix}${number}`;
}

/**
 * Made from the address: who gets an address that another container had before also gets its hardware address, and what
 * the neighbours remember stays true.
 */
function macAddressFor(address: string | undefined): string {
  const bytes = address ? addressBytes(requireAddress(address)) : crypto.getRandomValues(new Uint8Array(4));
  return hardwareAddress(bytes.slice(-4));
}

export function startFailure(error: unknown): unknown {
  if (errnoOf(error) !== undefined) return failed(`${NETWORK_FAILURE}: ${messageOf(error)}`, error);
  return withPrefix(NETWORK_FAILURE, error);
}
