// `network connect` and `network disconnect`, of containers that run and of those that do not.
import { conflict, failed, forbidden, invalid, isKind } from '../../lib/errors.ts';
import type { SandboxNamespace } from '../../network/sandbox.ts';
import type { EndpointSettings } from '../../wire/types.ts';
import { type NetworkContext, publish } from './context.ts';
import { checkEndpoint } from './endpoint-settings.ts';
import { findNetwork, requireNetwork } from './find.ts';
import { endpointSpec, setDefaultRoutes, waysOf } from './gateway.ts';
import { settleGatewayService } from './gateway-service.ts';
import { linkRulesAround } from './links.ts';
import { needsNames, openNameServer } from './names.ts';
import { namespaceLink } from './namespace-link.ts';
import { usesPlugins } from './plugins/plugin-drivers.ts';
import { type Grants, requestEndpoints, tellGateways, tellGatewaysIfPossible } from './plugins/plugin-endpoints.ts';
import { proxyPorts, publishPorts, releasePorts } from './published.ts';
import type { EndpointRecord, NetworkRecord, PublishedPort, SandboxRecord } from './record.ts';
import { endpointRecord, isContainerMode } from './register.ts';
import { portsOf } from './sandbox-lifecycle.ts';
import {
  attachEndpoint,
  checkMacAddress,
  releaseEndpoint,
  reserveEndpoint,
  takeEndpointAway,
} from './sandbox-start.ts';
import { sendersOf } from './senders.ts';

const SHARED =
  'container sharing network namespace with another container or host cannot be connected to any other network';

export async function connect(
  context: NetworkContext,
  sandbox: SandboxRecord,
  reference: string,
  settings: EndpointSettings,
): Promise<void> {
  if (isContainerMode(sandbox.mode)) throw invalid(SHARED);
  const endpoint = endpointRecord(settings);
  if (!sandbox.live) {
    const network = findNetwork(context.store, reference);
    if (network) {
      checkConnect(context, sandbox, network, endpoint);
      forgetEndpoints(context, sandbox, network);
    }
    sandbox.endpoints[network?.name ?? reference] = endpoint;
    endpoint.network = network?.id;
    context.store.saveSandbox(sandbox);
    return;
  }
  const network = requireNetwork(context.store, reference);
  if (network.configOnly) throw forbidden('cannot create endpoint on configuration-only network');
  checkConnect(context, sandbox, network, endpoint);
  if (usesPlugins(network)) await connectByPlugins(context, sandbox, network, endpoint);
  else connectLive(context, sandbox, network, endpoint, undefined);
  publish(context, network, 'connect', { container: sandbox.container });
}

function checkConnect(
  context: NetworkContext,
  sandbox: SandboxRecord,
  network: NetworkRecord,
  endpoint: EndpointRecord,
): void {
  checkEndpoint(network.name, network, endpoint);
  checkMacAddress(context, network, endpoint);
  if (sandbox.mode !== 'host' && network.driver === 'host') {
    throw invalid('cannot connect container to host network - container must be created in host network mode');
  }
  for (const [name, other] of Object.entries(sandbox.endpoints)) {
    const present = context.store.network(other.network) ?? findNetwork(context.store, name);
    if (!present || present.id === network.id) continue;
    if (present.driver === 'host' || network.driver === 'host') throw invalid(SHARED);
    if (present.driver === 'null' || network.driver === 'null') {
      throw invalid(
        'container cannot be connected to multiple networks with one of the networks in private (none) mode',
      );
    }
  }
}

/** The plugins take their time, and the container may be another one by then. */
async function connectByPlugins(
  context: NetworkContext,
  sandbox: SandboxRecord,
  network: NetworkRecord,
  endpoint: EndpointRecord,
): Promise<void> {
  const session = sandbox.live?.id;
  checkAbsent(sandbox, network);
  const key = namespaceLink(context, sandbox);
  const grants = await requestEndpoints(context, sandbox, [[endpoint, network]], key);
  try {
    using granted = grants;
    if (sandbox.live?.id !== session)
      throw conflict(`container ${sandbox.container} ended while it was being connected`);
    connectLive(context, sandbox, network, endpoint, granted);
  } catch (error) {
    await context.claims.settle({ container: sandbox.container });
    throw error;
  }
  try {
    await tellGateways(context, sandbox);
  } catch (error) {
    if (endpoint.live) disconnectLive(context, sandbox, network, endpoint);
    await context.claims.settle({ container: sandbox.container });
    throw error;
  }
}

function checkAbsent(sandbox: SandboxRecord, network: NetworkRecord): void {
  if (!sandbox.endpoints[network.name]?.live) return;
  throw forbidden(`endpoint with name ${sandbox.name} already exists in network ${network.name}`);
}

function connectLive(
  context: NetworkContext,
  sandbox: SandboxRecord,
  network: NetworkRecord,
  endpoint: EndpointRecord,
  grants: Grants | undefined,
): void {
  checkAbsent(sandbox, network);
  const namespace = context.namespaces.get(sandbox.container);
  if (!namespace) throw failed(`the network namespace of container ${sandbox.container} is gone`);
  endpoint.network = network.id;
  reserveEndpoint(context, sandbox, endpoint, network, grants);
  sandbox.endpoints[network.name] = endpoint;
  const undo = () => {
    delete sandbox.endpoints[network.name];
    releaseEndpoint(context, endpoint);
    context.store.saveSandbox(sandbox);
  };
  try {
    context.store.saveSandbox(sandbox);
    attachEndpoint(context, endpoint, network, namespace);
    if (grants) context.store.saveSandbox(sandbox);
  } catch (error) {
    namespace.rest();
    undo();
    throw error;
  }
  try {
    movePorts(context, sandbox, namespace);
    if (needsNames(context, sandbox) && !context.nameServers.has(sandbox.container)) {
      openNameServer(context, sandbox, namespace);
    }
  } catch (error) {
    context.host.detach(network, endpointSpec({ endpoint, live: endpoint.live! }), namespace);
    undo();
    // What failed may have been a change of these.
    setDefaultRoutes(context, sandbox, namespace);
    movePorts(context, sandbox, namespace);
    throw error;
  } finally {
    namespace.rest();
  }
  if (context.defaultBridge.is(network)) context.host.addLinks(linkRulesAround(context, sandbox));
}

/** Before its first start, a container's network may be known by what it was asked for with: an id, or the beginning of one. */
function forgetEndpoints(context: NetworkContext, sandbox: SandboxRecord, network: NetworkRecord): boolean {
  const keys = Object.keys(sandbox.endpoints).filter(key => findNetwork(context.store, key)?.id === network.id);
  for (const key of keys) delete sandbox.endpoints[key];
  return keys.length > 0;
}

export async function disconnect(
  context: NetworkContext,
  sandbox: SandboxRecord,
  reference: string,
  options: { force: boolean },
): Promise<void> {
  const network = lookUp(context, reference, options.force);
  if (!sandbox.live || !network) {
    const name = network?.name ?? reference;
    const isForgotten = network && forgetEndpoints(context, sandbox, network);
    if (!isForgotten && !sandbox.endpoints[name]) {
      throw failed(`container ${sandbox.container} is not connected to the network ${name}`);
    }
    delete sandbox.endpoints[name];
    context.store.saveSandbox(sandbox);
    return;
  }
  if (network.driver === 'host' && sandbox.mode === 'host') {
    throw invalid('cannot disconnect container from host network - container was created in host network mode');
  }
  const endpoint = sandbox.endpoints[network.name];
  if (!endpoint?.live) throw failed(`container ${sandbox.container} is not connected to network ${network.name}`);
  disconnectLive(context, sandbox, network, endpoint);
  publish(context, network, 'disconnect', { container: sandbox.container });
  await context.claims.settle({ container: sandbox.container });
  await tellGatewaysIfPossible(context, sandbox);
}

function lookUp(context: NetworkContext, reference: string, force: boolean): NetworkRecord | undefined {
  try {
    return requireNetwork(context.store, reference);
  } catch (error) {
    if (force && isKind(error, 'notFound')) return undefined;
    throw error;
  }
}

function disconnectLive(
  context: NetworkContext,
  sandbox: SandboxRecord,
  network: NetworkRecord,
  endpoint: EndpointRecord,
): void {
  const namespace = context.namespaces.get(sandbox.container);
  const active = { name: network.name, network, endpoint, live: endpoint.live! };
  const ports = takeEndpointAway(context, sandbox, active, namespace);
  if (!namespace) {
    context.host.setSenders(sandbox.container, sendersOf(context, sandbox));
    releasePorts(context, ports);
    return;
  }
  movePorts(context, sandbox, namespace, ports);
  namespace.rest();
}

/**
 * The way out of a container may be another one now, and the published ports lead in by the way out. `left` are those that
 * the firewall has forgotten already, but that are still held.
 */
export function movePorts(
  context: NetworkContext,
  sandbox: SandboxRecord,
  namespace: SandboxNamespace,
  left: readonly PublishedPort[] = [],
): void {
  const released = [...left, ...settleGatewayService(context, sandbox, namespace)];
  context.host.setSenders(sandbox.container, sendersOf(context, sandbox));
  const ways = waysOf(context, sandbox);
  if (!sandbox.live || sandbox.live.ways === ways) {
    releasePorts(context, released);
    return;
  }
  setDefaultRoutes(context, sandbox, namespace);
  const present = portsOf(context, sandbox);
  context.host.removePorts(present);
  releasePorts(context, [...released, ...present]);
  for (const { live } of Object.values(sandbox.endpoints)) if (live) live.ports = [];
  sandbox.live.ways = ways;
  try {
    publishPorts(context, sandbox, [...released, ...present]);
  } finally {
    // Also if there are none now: what is stored is what is held.
    context.store.saveSandbox(sandbox);
  }
  context.host.addPorts(portsOf(context, sandbox));
  proxyPorts(context, sandbox);
}
