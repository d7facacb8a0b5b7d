// The engine starts: the kernel is made to agree with the records.
import { readdirSync, rmSync } from 'node:fs';
import { message } from '../../kernel/rtnetlink/message.ts';
import type { RouteSocket } from '../../kernel/rtnetlink/socket.ts';
import { errnoOf, messageOf } from '../../lib/errors.ts';
import type { ContainerId, NetworkId } from '../../lib/ids.ts';
import { log } from '../../lib/logger.ts';
import { addressFromBytes, formatAddress } from '../../network/addresses.ts';
import { findLink, hostLinks, isGone } from '../../network/drivers/host-kernel.ts';
import { SandboxNamespace } from '../../network/sandbox.ts';
import { movePorts } from './connect.ts';
import type { NetworkContext } from './context.ts';
import { activeEndpoints, endpointSpec, setDefaultRoutes } from './gateway.ts';
import { linkRules } from './links.ts';
import { takeOverNames } from './names.ts';
import { linkNamespace } from './namespace-link.ts';
import { removePluginNetwork } from './plugins/plugin-networks.ts';
import { replayAddresses } from './plugins/replay.ts';
import { hasHelper } from './proxies.ts';
import { proxyPorts } from './published.ts';
import type { NetworkRecord, PublishedPort, SandboxRecord } from './record.ts';
import { portsOf, stopSandbox } from './sandbox-lifecycle.ts';
import { attachEndpoint } from './sandbox-start.ts';
import { sendersOf } from './senders.ts';

export function reconcileNetworks(context: NetworkContext, running: ReadonlySet<ContainerId>): void {
  const alive: SandboxRecord[] = [];
  clearNamespaceLinks(context);
  for (const sandbox of [...context.store.sandboxes]) {
    if (!sandbox.live) continue;
    if (running.has(sandbox.container)) alive.push(sandbox);
    else stopSandbox(context, sandbox);
  }
  // Plugins are told in the background: one that is not there must not hold up the start.
  finishPluginWork(context).catch(error =>
    log.warn('could not finish what plugins have to be told', { error: messageOf(error) }),
  );
  const used = new Set(alive.flatMap(sandbox => activeEndpoints(context, sandbox).map(({ network }) => network.id)));
  takeDownIdleBridge(context, used);
  const networks = networksToRestore(context, used);
  if (networks.length > 0) {
    context.host.restore(networks, {
      ports: alive.flatMap(sandbox => portsOf(context, sandbox)),
      links: alive.flatMap(sandbox => linkRules(context, sandbox)),
      senders: new Map(alive.map(sandbox => [sandbox.container, sendersOf(context, sandbox)])),
    });
  }
  removeStrayLinks(context, networks, alive);
  for (const sandbox of alive) adopt(context, sandbox);
}

/** A crash leaves the default bridge, with rules and ports of containers that have ended since. */
function takeDownIdleBridge(context: NetworkContext, used: ReadonlySet<NetworkId>): void {
  const { record } = context.defaultBridge;
  if (!record || used.has(record.id) || !findLink(record.interfaceName)) return;
  try {
    context.host.takeDown([record]);
  } catch (error) {
    log.warn('could not take down the default bridge', { error: messageOf(error) });
  }
}

async function finishPluginWork(context: NetworkContext): Promise<void> {
  replayAddresses(context);
  await context.claims.settle();
  for (const network of [...context.store.allNetworks]) {
    if (network.unfinished) await removePluginNetwork(context, network);
  }
}

/** The default bridge waits for its first container, as ever. */
function networksToRestore(context: NetworkContext, used: ReadonlySet<NetworkId>): NetworkRecord[] {
  return [...context.store.networks].filter(network => {
    if (network.driver === 'null' || network.driver === 'host' || network.configOnly) return false;
    return !context.defaultBridge.is(network) || used.has(network.id);
  });
}

/** Interfaces on our bridges that no record names: of containers that a crash cut short. */
function removeStrayLinks(
  context: NetworkContext,
  networks: readonly NetworkRecord[],
  alive: readonly SandboxRecord[],
): void {
  const named = new Set(
    alive.flatMap(sandbox => activeEndpoints(context, sandbox).map(({ live }) => live.hostInterface)),
  );
  const links = hostLinks().links();
  const bridges = new Set(
    networks
      .filter(network => network.driver === 'bridge' && network.ownsInterface)
      .map(network => network.interfaceName),
  );
  const indexes = new Set(links.filter(link => bridges.has(link.name)).map(link => link.index));
  for (const link of links) {
    const isOurs = indexes.has(link.master) || link.alias === context.host.owner;
    if (link.kind !== 'veth' || !isOurs || named.has(link.name)) continue;
    deleteLink(hostLinks(), link.name);
  }
}

function adopt(context: NetworkContext, sandbox: SandboxRecord): void {
  if (sandbox.live?.kind !== 'own') return;
  const pid = context.users.pid(sandbox.container);
  for (const port of portsOf(context, sandbox)) {
    // A helper that carries connections for the port holds it too.
    if (port.hostPort > 0 && !hasHelper(port)) holdAgain(context, sandbox, port);
  }
  proxyPorts(context, sandbox);
  const namespace = pid === undefined ? undefined : openNamespace(pid);
  if (!namespace) return;
  context.namespaces.set(sandbox.container, namespace);
  try {
    linkNamespace(context, sandbox.live.id, namespace);
    completeInterfaces(context, sandbox, namespace);
    takeOverNames(context, sandbox.container, namespace);
  } catch (error) {
    // The others are to be taken over all the same.
    log.error('could not make the network of a running container whole', {
      container: sandbox.container,
      error: messageOf(error),
    });
  }
}

/** Undefined for a process that ended a moment ago, whose exit is still to be settled. */
function openNamespace(pid: number): SandboxNamespace | undefined {
  try {
    return SandboxNamespace.open(`/proc/${pid}/ns/net`);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ESRCH') return undefined;
    throw error;
  }
}

/** A crash may have come between the record and the interface that it names, or left half of it. */
function completeInterfaces(context: NetworkContext, sandbox: SandboxRecord, namespace: SandboxNamespace): void {
  const links = namespace.route.links();
  const addresses = namespace.route.addresses();
  const outside = hostLinks().links();
  for (const { network, endpoint, live } of activeEndpoints(context, sandbox)) {
    const link = links.find(({ name }) => name === live.interfaceName);
    const own = addresses.flatMap(({ link: index, address }) =>
      index === link?.index ? [formatAddress(addressFromBytes(address.bytes))] : [],
    );
    const wanted = [live.ipv4, live.ipv6].flatMap(address => (address ? [address.address] : []));
    // A disconnection switches off the host's end first.
    const end = live.hostInterface ? outside.find(({ name }) => name === live.hostInterface) : undefined;
    const isPluggedIn = live.hostInterface === '' || (end?.up && end.master > 0);
    const isWhole = isPluggedIn && link?.up && wanted.every(address => own.includes(address));
    if (network.driver === 'null' || isWhole) continue;
    if (live.plugin) context.host.detach(network, endpointSpec({ endpoint, live }), namespace);
    else if (link) deleteLink(namespace.route, link.name);
    else if (live.hostInterface) deleteLink(hostLinks(), live.hostInterface);
    attachEndpoint(context, endpoint, network, namespace);
  }
  setDefaultRoutes(context, sandbox, namespace);
  movePorts(context, sandbox, namespace);
  namespace.rest();
}

/** Of which somebody else may have been faster. */
function deleteLink(route: RouteSocket, name: string): void {
  try {
    route.send(message.deleteLink(name));
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

function holdAgain(context: NetworkContext, sandbox: SandboxRecord, port: PublishedPort): void {
  const { protocol, hostAddress, hostPort } = port;
  try {
    context.ports.holdAgain({ protocol, hostAddress, port: hostPort });
  } catch (error) {
    // Packets go to the container all the same; only the port looks free to others.
    log.warn('could not hold a published port again', { container: sandbox.container, error: messageOf(error) });
  }
}

/** They lead to descriptors of a process that is gone. */
function clearNamespaceLinks(context: NetworkContext): void {
  try {
    for (const name of readdirSync(context.namespaceDirectory))
      rmSync(`${context.namespaceDirectory}/${name}`, { force: true });
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}
