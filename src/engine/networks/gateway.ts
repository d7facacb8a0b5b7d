// A container has one way out per family: the endpoint with the highest priority that has one; among equals one that has both
// families, then the one whose network's name is first.
import { message } from '../../kernel/rtnetlink/message.ts';
import type { Route } from '../../kernel/rtnetlink/route.ts';
import { addressBytes, type Family, requireAddress } from '../../network/addresses.ts';
import type { EndpointSpec } from '../../network/drivers/driver.ts';
import type { SandboxNamespace } from '../../network/sandbox.ts';
import type { NetworkContext } from './context.ts';
import type { EndpointRecord, LiveEndpoint, NetworkRecord, SandboxRecord } from './record.ts';

export interface ActiveEndpoint {
  name: string;
  network: NetworkRecord;
  endpoint: EndpointRecord;
  live: LiveEndpoint;
}

/** The endpoints of a container that exist now, the most preferred first: for its way out, and for what a name means. */
export function activeEndpoints(context: NetworkContext, sandbox: SandboxRecord): ActiveEndpoint[] {
  const active = Object.entries(sandbox.endpoints).flatMap(([name, endpoint]) => {
    const network = context.store.network(endpoint.network);
    return network && endpoint.live ? [{ name, network, endpoint, live: endpoint.live }] : [];
  });
  if (active.length < 2) return active;
  const ways = new Map(active.map(one => [one, countWays(context, one)]));
  return active.sort(
    (a, b) =>
      b.endpoint.gatewayPriority - a.endpoint.gatewayPriority ||
      Number(a.network.internal) - Number(b.network.internal) ||
      ways.get(b)! - ways.get(a)! ||
      (a.name < b.name ? -1 : 1),
  );
}

const countWays = (context: NetworkContext, active: ActiveEndpoint) =>
  ([4, 6] as const).filter(family => routeOf(context, active, family)).length;

export function endpointSpec({ endpoint, live }: Pick<ActiveEndpoint, 'endpoint' | 'live'>): EndpointSpec {
  return {
    interfaceName: live.interfaceName,
    hostInterface: live.hostInterface,
    macAddress: live.macAddress,
    ipv4: live.ipv4,
    ipv6: live.ipv6,
    linkLocal: endpoint.ipam?.LinkLocalIPs ?? [],
    hairpin: live.ports.length > 0,
    plugin: live.plugin,
  };
}

export function gatewayEndpoint(
  context: NetworkContext,
  sandbox: SandboxRecord,
  family: Family,
): ActiveEndpoint | undefined {
  return activeEndpoints(context, sandbox).find(active => routeOf(context, active, family));
}

/** Tells one choice of ways out from another. */
export const waysOf = (context: NetworkContext, sandbox: SandboxRecord): string =>
  `${gatewayEndpoint(context, sandbox, 4)?.live.id ?? ''} ${gatewayEndpoint(context, sandbox, 6)?.live.id ?? ''}`;

/** The network `none` leads nowhere. */
export const routeOf = (context: NetworkContext, active: ActiveEndpoint, family: Family) =>
  active.network.driver === 'null'
    ? undefined
    : context.host.driver(active.network).defaultRoute(active.network, endpointSpec(active), family);

/** The default routes are those of the endpoints that the container has now. */
export function setDefaultRoutes(context: NetworkContext, sandbox: SandboxRecord, namespace: SandboxNamespace): void {
  for (const family of [4, 6] as const) {
    const active = gatewayEndpoint(context, sandbox, family);
    if (!active) continue;
    const route = routeOf(context, active, family);
    if (!route) continue;
    const { index } = namespace.route.link(active.live.interfaceName);
    const gateway = route === 'link' ? undefined : addressBytes(requireAddress(route.gateway));
    const wanted: Route = { destination: undefined, gateway, link: index };
    const present = namespace.route
      .routes()
      .filter(other => !other.destination && (family === 4) === ((other.gateway?.length ?? 4) === 4));
    if (present.some(other => sameRoute(other, wanted))) continue;
    const obsolete = present.map(other => message.deleteRoute(family, other));
    namespace.route.send(...obsolete, message.addRoute(family, wanted));
  }
}

const sameRoute = (a: Route, b: Route) =>
  a.link === b.link && Buffer.compare(a.gateway ?? Buffer.alloc(0), b.gateway ?? Buffer.alloc(0)) === 0;
