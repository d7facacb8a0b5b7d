// A way out for containers whose networks have none of their own. Plugins may leave it to the engine, which then puts the
// container on a bridge network of the engine's, where nobody knows its name and nobody but the host hears it.
import { failed } from '../../lib/errors.ts';
import { findLink } from '../../network/drivers/host-kernel.ts';
import { OPTION } from '../../network/drivers/options.ts';
import type { SandboxNamespace } from '../../network/sandbox.ts';
import type { NetworkContext } from './context.ts';
import { createBuiltInNetwork } from './create-network.ts';
import { type ActiveEndpoint, activeEndpoints, routeOf } from './gateway.ts';
import { usesPlugins } from './plugins/plugin-drivers.ts';
import type { EndpointRecord, NetworkRecord, PublishedPort, SandboxRecord } from './record.ts';
import { endpointRecord } from './register.ts';
import { attachEndpoint, releaseEndpoint, reserveEndpoint, takeEndpointAway } from './sandbox-start.ts';

const NETWORK = 'docker_gwbridge';

/** The container's endpoint there is no network that somebody asked for: it has a key of its own. */
const keyOf = (session: string) => `gateway_${session.slice(0, 12)}`;

/** At a start: undefined where the container's networks lead out, or are not to. */
export function reserveGatewayService(
  context: NetworkContext,
  sandbox: SandboxRecord,
  session: string,
): [EndpointRecord, NetworkRecord] | undefined {
  if (!needsGatewayService(context, sandbox)) return undefined;
  const network = gatewayNetwork(context);
  const endpoint: EndpointRecord = { ...endpointRecord({}), network: network.id, gatewayService: true };
  reserveEndpoint(context, sandbox, endpoint, network, undefined).dnsNames = [];
  sandbox.endpoints[keyOf(session)] = endpoint;
  return [endpoint, network];
}

/** The networks of a running container have changed. Returns the ports that led in by the bridge, if it is gone now. */
export function settleGatewayService(
  context: NetworkContext,
  sandbox: SandboxRecord,
  namespace: SandboxNamespace,
): readonly PublishedPort[] {
  if (sandbox.live?.kind !== 'own') return [];
  const present = activeEndpoints(context, sandbox).find(({ endpoint }) => endpoint.gatewayService);
  if (needsGatewayService(context, sandbox)) {
    if (!present) join(context, sandbox, sandbox.live.id, namespace);
    return [];
  }
  return present ? takeEndpointAway(context, sandbox, present, namespace) : [];
}

function join(context: NetworkContext, sandbox: SandboxRecord, session: string, namespace: SandboxNamespace): void {
  const reserved = reserveGatewayService(context, sandbox, session);
  if (!reserved) return;
  const [endpoint, network] = reserved;
  context.store.saveSandbox(sandbox);
  try {
    attachEndpoint(context, endpoint, network, namespace);
  } catch (error) {
    releaseEndpoint(context, endpoint);
    forgetGatewayService(sandbox);
    context.store.saveSandbox(sandbox);
    throw error;
  }
}

/** It lives as long as its container runs. */
export function forgetGatewayService(sandbox: SandboxRecord): void {
  for (const [key, { gatewayService }] of Object.entries(sandbox.endpoints)) {
    if (gatewayService) delete sandbox.endpoints[key];
  }
}

function needsGatewayService(context: NetworkContext, sandbox: SandboxRecord): boolean {
  const endpoints = activeEndpoints(context, sandbox).filter(
    ({ endpoint, network, live }) => !endpoint.gatewayService && !network.internal && !live.plugin?.needsNoGateway,
  );
  return endpoints.some(({ live }) => live.plugin) && !endpoints.some(active => leadsOut(context, active));
}

const leadsOut = (context: NetworkContext, active: ActiveEndpoint) =>
  routeOf(context, active, 4) !== undefined ||
  routeOf(context, active, 6) !== undefined ||
  active.live.plugin?.routes.some(({ destination }) => destination === '0.0.0.0/0') === true;

/** Made when it is first needed, unless somebody has made one as they wish it to be. */
function gatewayNetwork(context: NetworkContext): NetworkRecord {
  const known = [...context.store.networks].find(({ name }) => name === NETWORK);
  if (known && (usesPlugins(known) || known.configOnly)) {
    throw failed(`network ${NETWORK} is to lead containers out, but it is none of the engine's own: remove it`);
  }
  if (known) return known;
  // Another engine of the host may have its own under that name.
  const bridgeName: Record<string, string> = findLink(NETWORK) ? {} : { [OPTION.bridgeName]: NETWORK };
  return createBuiltInNetwork(context, {
    Name: NETWORK,
    Driver: 'bridge',
    EnableIPv4: true,
    EnableIPv6: false,
    Options: { ...bridgeName, [OPTION.icc]: 'false', [OPTION.masquerade]: 'true' },
  });
}
