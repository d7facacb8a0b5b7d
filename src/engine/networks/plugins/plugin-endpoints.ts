// A container's endpoints on networks with plugins: what has to be asked of them before the container can start, since asking
// takes time, and a start's own work must not be interrupted.
import { failed, invalid, messageOf } from '../../../lib/errors.ts';
import { newNetworkId } from '../../../lib/ids.ts';
import { log } from '../../../lib/logger.ts';
import { contains, formatAddress, parseAddress, requirePrefix } from '../../../network/addresses.ts';
import type { PluginInterface } from '../../../network/drivers/driver.ts';
import type { AddressPlugin } from '../../../network/plugin/address-driver.ts';
import type { NetworkPlugin } from '../../../network/plugin/network-driver.ts';
import type { NetworkContext } from '../context.ts';
import { activeEndpoints, gatewayEndpoint } from '../gateway.ts';
import { hardwareAddress } from '../hardware-address.ts';
import type { EndpointRecord, InterfaceAddress, NetworkRecord, SandboxRecord } from '../record.ts';
import { takeAddresses } from '../sandbox-start.ts';
import type { Claim } from './claims.ts';
import { endpointOptions, publishedOptions } from './endpoint-options.ts';
import { hasPluginAddresses, isPluginDriven, pluginsOf, usesPlugins } from './plugin-drivers.ts';

/** A plugin may be starting like everything else, after a boot for instance. */
const PATIENCE_MS = 15_000;

/** What the plugins gave for one endpoint. */
interface Grant {
  id: string;
  ipv4: InterfaceAddress | undefined;
  ipv6: InterfaceAddress | undefined;
  macAddress: string;
  /** What the interface's name begins with; '' leaves it to the network. */
  prefix: string;
  /** Undefined where only the addresses are a plugin's. */
  plugin: PluginInterface | undefined;
}

/** By network. Their claims count as needed until this is disposed of: by then, endpoints need them, or nobody does. */
export class Grants implements Disposable {
  readonly #grants = new Map<NetworkRecord['id'], Grant>();
  readonly #begun: Disposable[] = [];

  add(network: NetworkRecord, grant: Grant): void {
    this.#grants.set(network.id, grant);
  }

  hold(claim: Disposable): void {
    this.#begun.push(claim);
  }

  /** Undefined where no plugin is involved. */
  of(network: NetworkRecord): Grant | undefined {
    if (!usesPlugins(network)) return undefined;
    const grant = this.#grants.get(network.id);
    if (!grant) throw failed(`the container was connected to network ${network.name} while it was starting: try again`);
    return grant;
  }

  [Symbol.dispose](): void {
    for (const claim of this.#begun) claim[Symbol.dispose]();
  }
}

/** All or nothing: what was given before a failure is owed back. */
export async function requestEndpoints(
  context: NetworkContext,
  sandbox: SandboxRecord,
  endpoints: readonly (readonly [EndpointRecord, NetworkRecord])[],
  sandboxKey: string,
): Promise<Grants> {
  const grants = new Grants();
  try {
    for (const [endpoint, network] of endpoints) {
      if (!usesPlugins(network)) continue;
      const claim: Claim = {
        endpoint: newNetworkId(),
        container: sandbox.container,
        network: network.id,
        networkPlugin: isPluginDriven(network) ? network.driver : undefined,
        addressPlugin: hasPluginAddresses(network) ? network.ipam.driver : undefined,
        addresses: [],
        created: false,
        joined: false,
        isGateway: false,
      };
      grants.hold(context.claims.begin(claim));
      grants.add(network, await requestEndpoint(context, { sandbox, endpoint, network, claim, sandboxKey }, grants));
    }
    return grants;
  } catch (error) {
    grants[Symbol.dispose]();
    await context.claims.settle({ container: sandbox.container });
    throw error;
  }
}

interface Request {
  sandbox: SandboxRecord;
  endpoint: EndpointRecord;
  network: NetworkRecord;
  claim: Claim;
  sandboxKey: string;
}

async function requestEndpoint(context: NetworkContext, request: Request, grants: Grants): Promise<Grant> {
  const { endpoint, network, claim } = request;
  const plugins = await pluginsOf(context, network, { patienceMs: PATIENCE_MS });
  const grant: Grant = {
    id: claim.endpoint,
    ipv4: undefined,
    ipv6: undefined,
    macAddress: endpoint.macAddress,
    prefix: '',
    plugin: undefined,
  };
  if (plugins.addresses) await requestAddresses(context, request, grant, plugins.addresses);
  else if (network.ipam.driver === 'default') grants.hold(lendAddresses(context, request, grant));
  if (plugins.network) await joinNetwork(context, request, grant, plugins.network);
  return grant;
}

/** Ours; free again at the end unless the endpoint has come to be. */
function lendAddresses(context: NetworkContext, { endpoint, network }: Request, grant: Grant): Disposable {
  const { ipv4, ipv6 } = takeAddresses(context, endpoint, network);
  Object.assign(grant, { ipv4, ipv6 });
  return {
    [Symbol.dispose]: () => {
      if (endpoint.live?.id === grant.id) return;
      for (const taken of [ipv4, ipv6]) if (taken) context.addresses.release(network.id, taken.address);
    },
  };
}

async function requestAddresses(
  context: NetworkContext,
  request: Request,
  grant: Grant,
  plugin: AddressPlugin,
): Promise<void> {
  const { sandbox, endpoint, network } = request;
  await context.replays.get(network.id);
  const { needsMacAddress } = await plugin.capabilities();
  if (needsMacAddress) grant.macAddress ||= hardwareAddress(crypto.getRandomValues(new Uint8Array(4)));
  const options = {
    'com.docker.network.endpoint.name': sandbox.name,
    ...(needsMacAddress ? { 'com.docker.network.endpoint.macaddress': grant.macAddress } : {}),
  };
  const ask = (family: 4 | 6, wanted: string | undefined) =>
    requestAddress(context, request, plugin, { family, wanted: wanted ?? '', options });
  if (network.enableIPv4) grant.ipv4 = await ask(4, endpoint.ipam?.IPv4Address);
  if (network.enableIPv6) grant.ipv6 = await ask(6, endpoint.ipam?.IPv6Address);
}

async function requestAddress(
  context: NetworkContext,
  { network, claim }: Request,
  plugin: AddressPlugin,
  question: { family: 4 | 6; wanted: string; options: Record<string, string> },
): Promise<InterfaceAddress> {
  const { family, wanted, options } = question;
  const asked = wanted === '' ? undefined : parseAddress(wanted);
  for (const [index, lease] of (network.ipam.leases ?? []).entries()) {
    const subnet = requirePrefix(lease.subnet);
    if (subnet.family !== family || (asked && !contains(subnet, asked))) continue;
    const given = await plugin.requestAddress(lease.pool, wanted, options);
    const address = formatAddress(given);
    claim.addresses.push({ pool: lease.pool, address });
    context.claims.save(claim);
    if (given.family !== family)
      throw failed(`plugin ${network.ipam.driver} gave the IPv${given.family} address ${address}`);
    const gateway = network.internal ? '' : (network.ipam.pools[index]?.Gateway ?? '');
    return { address, bits: given.bits, gateway };
  }
  if (asked) throw invalid(`invalid address ${wanted}: It does not belong to any of this network's subnets`);
  throw failed(`no available IPv${family} addresses on this network's address pools: ${network.name} (${network.id})`);
}

async function joinNetwork(
  context: NetworkContext,
  { sandbox, endpoint, network, claim, sandboxKey }: Request,
  grant: Grant,
  plugin: NetworkPlugin,
): Promise<void> {
  claim.created = true;
  context.claims.save(claim);
  const withBits = (address: InterfaceAddress | undefined) => (address ? `${address.address}/${address.bits}` : '');
  const given = await plugin.createEndpoint({
    NetworkID: network.id,
    EndpointID: grant.id,
    Interface: { Address: withBits(grant.ipv4), AddressIPv6: withBits(grant.ipv6), MacAddress: grant.macAddress },
    Options: endpointOptions(sandbox, endpoint, grant.macAddress),
  });
  grant.macAddress ||= given.MacAddress;
  grant.ipv4 ??= addressOf(given.Address);
  grant.ipv6 ??= addressOf(given.AddressIPv6);
  claim.joined = true;
  context.claims.save(claim);
  const joined = await plugin.join({
    NetworkID: network.id,
    EndpointID: grant.id,
    SandboxKey: sandboxKey,
    Options: publishedOptions(sandbox),
  });
  // Only the plugin knows the way out.
  if (grant.ipv4) grant.ipv4 = { ...grant.ipv4, gateway: joined.gateway };
  if (grant.ipv6) grant.ipv6 = { ...grant.ipv6, gateway: joined.gateway6 };
  const { sourceInterface, prefix, gateway, routes, needsNoGateway } = joined;
  const gateway6 = grant.ipv6 ? joined.gateway6 : '';
  grant.prefix = prefix;
  grant.plugin = { sourceInterface, gateway, gateway6, routes, needsNoGateway };
}

/** The plugins of a running container learn whose endpoint is its way out now. */
export async function tellGateways(context: NetworkContext, sandbox: SandboxRecord): Promise<void> {
  const ways = ([4, 6] as const).map(family => gatewayEndpoint(context, sandbox, family)?.live.id);
  const changed = activeEndpoints(context, sandbox).flatMap(({ network, live }) => {
    const claim = isPluginDriven(network) ? context.claims.of(live.id) : undefined;
    return claim && claim.isGateway !== ways.includes(live.id) ? [{ network, claim }] : [];
  });
  for (const { network, claim } of changed) {
    const { network: plugin } = await pluginsOf(context, network, { patienceMs: PATIENCE_MS });
    if (claim.isGateway) await plugin?.revokeExternal(network.id, claim.endpoint);
    else await plugin?.programExternal(network.id, claim.endpoint, publishedOptions(sandbox));
    claim.isGateway = !claim.isGateway;
    context.claims.save(claim);
  }
}

/** Of a container that runs on whatever comes of it. */
export async function tellGatewaysIfPossible(context: NetworkContext, sandbox: SandboxRecord): Promise<void> {
  try {
    await tellGateways(context, sandbox);
  } catch (error) {
    log.warn('a plugin could not be told of a new gateway', {
      container: sandbox.container,
      error: messageOf(error),
    });
  }
}

function addressOf(text: string): InterfaceAddress | undefined {
  if (text === '') return undefined;
  const prefix = requirePrefix(text);
  return { address: formatAddress(prefix), bits: prefix.bits, gateway: '' };
}
