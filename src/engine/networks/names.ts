// What one container may know by name: its neighbours on the networks it is on, and nobody else's.
import { messageOf } from '../../lib/errors.ts';
import type { ContainerId } from '../../lib/ids.ts';
import { log } from '../../lib/logger.ts';
import { untilItWorks } from '../../lib/until-it-works.ts';
import type { Names } from '../../network/dns/server.ts';
import { NameServer } from '../../network/dns/server.ts';
import { embeddedResolvConf, type UpstreamServer } from '../../network/resolv-conf.ts';
import type { SandboxNamespace } from '../../network/sandbox.ts';
import type { NetworkContext } from './context.ts';
import { type ActiveEndpoint, activeEndpoints, gatewayEndpoint } from './gateway.ts';
import { parseLink } from './links.ts';
import type { LiveEndpoint, SandboxRecord } from './record.ts';
import { isUserDefined } from './register.ts';
import { resolvOverrides } from './resolv-overrides.ts';

/** Docker Desktop made this name known; it is the host, as the container reaches it. */
const HOST_NAME = 'host.docker.internal';

/** In two minutes or so. */
const ATTEMPTS = 18;

export const needsNames = (context: NetworkContext, sandbox: SandboxRecord): boolean =>
  activeEndpoints(context, sandbox).some(hasNames);

const hasNames = ({ network: { name, driver }, endpoint }: ActiveEndpoint) =>
  isUserDefined(name) && driver !== 'null' && driver !== 'host' && !endpoint.gatewayService;

/** The container's name server, as long as its namespace is known here. */
export function openNameServer(
  context: NetworkContext,
  sandbox: SandboxRecord,
  namespace: SandboxNamespace,
  options: { again: boolean } = { again: false },
): void {
  const { backend } = context.host;
  context.nameServers.get(sandbox.container)?.[Symbol.dispose]();
  context.nameServers.set(
    sandbox.container,
    NameServer.open(namespace, new ContainerNames(context, sandbox.container), { ...options, backend }),
  );
}

/**
 * Of a container that ran on without an engine. What leads to the old one's server is in the container's namespace: where that
 * can't be changed just now, nobody is there to ask for it again.
 */
export function takeOverNames(context: NetworkContext, container: ContainerId, namespace: SandboxNamespace): void {
  const isOver = () => context.namespaces.get(container) !== namespace;
  const open = async () => {
    const sandbox = context.store.sandbox(container);
    if (isOver() || !sandbox || !needsNames(context, sandbox)) return;
    openNameServer(context, sandbox, namespace, { again: true });
    await context.nameServers.get(container)?.ready;
  };
  let attempts = 0;
  const failed = (error: unknown) => {
    if (isOver()) return;
    if (++attempts === ATTEMPTS) throw error;
    log.warn('a running container has no names yet', { container, error: messageOf(error) });
  };
  untilItWorks(open, failed).catch(error =>
    log.error('a running container has no names until it is restarted', { container, error: messageOf(error) }),
  );
}

export function closeNameServer(context: NetworkContext, container: ContainerId): void {
  context.nameServers.get(container)?.[Symbol.dispose]();
  context.nameServers.delete(container);
}

class ContainerNames implements Names {
  readonly ndotsSet: boolean;
  readonly #upstreams: readonly UpstreamServer[];

  constructor(
    private readonly context: NetworkContext,
    private readonly container: ContainerId,
  ) {
    const sandbox = context.store.sandbox(container);
    const { upstreams, ndotsSet } = embeddedResolvConf(resolvOverrides(context, sandbox));
    this.#upstreams = upstreams;
    this.ndotsSet = ndotsSet;
  }

  /** A container without a way out gets no answers through the host either. */
  get upstreams(): readonly UpstreamServer[] {
    const sandbox = this.#sandbox;
    if (!sandbox) return [];
    const hasWayOut = [4, 6].some(family => gatewayEndpoint(this.context, sandbox, family as 4 | 6));
    return hasWayOut ? this.#upstreams : this.#upstreams.filter(({ from }) => from === 'container');
  }

  addresses(name: string, family: 4 | 6): readonly string[] | undefined {
    const found = this.#find(name);
    if (found.length > 0) {
      return found.flatMap(live => {
        const address = family === 4 ? live.ipv4 : live.ipv6;
        return address ? [address.address] : [];
      });
    }
    return name === HOST_NAME ? this.#host(family) : undefined;
  }

  nameOf(address: string): string | undefined {
    for (const { network } of this.#networks) {
      const owner = this.context.names.owner(network.id, address);
      if (owner) return `${owner}.${network.name}`;
    }
    return undefined;
  }

  get #sandbox(): SandboxRecord | undefined {
    return this.context.store.sandbox(this.container);
  }

  get #networks(): ActiveEndpoint[] {
    const sandbox = this.#sandbox;
    if (!sandbox) return [];
    return activeEndpoints(this.context, sandbox).filter(hasNames);
  }

  /** "name", or "name.network" for one certain network. The first network that knows the name has the answer. */
  #find(name: string): readonly LiveEndpoint[] {
    for (const { network, endpoint } of this.#networks) {
      const suffix = `.${network.name.toLowerCase()}`;
      const candidates = name.endsWith(suffix) ? [name, name.slice(0, -suffix.length)] : [name];
      for (const candidate of candidates) {
        const linked = this.#linked(network.id, endpoint.links, candidate);
        if (linked) return [linked];
        const found = this.context.names.find(network.id, candidate);
        if (found.length > 0) return found;
      }
    }
    return [];
  }

  /** A name that only this container has for another. */
  #linked(network: ActiveEndpoint['network']['id'], links: readonly string[], name: string): LiveEndpoint | undefined {
    for (const text of links) {
      const link = parseLink(text);
      if (link.alias.toLowerCase() !== name) continue;
      const target = this.context.users.resolve(link.name);
      const live = target && this.context.names.ofContainer(network, target);
      if (live) return live;
    }
    return undefined;
  }

  #host(family: 4 | 6): string[] | undefined {
    const sandbox = this.#sandbox;
    if (!sandbox) return undefined;
    const gateways = ([4, 6] as const).map(one => {
      const active = gatewayEndpoint(this.context, sandbox, one);
      if (active?.network.driver !== 'bridge') return undefined;
      return { family: one, address: (one === 4 ? active.live.ipv4 : active.live.ipv6)?.gateway };
    });
    const known = gateways.flatMap(gateway => (gateway?.address ? [gateway] : []));
    if (known.length === 0) return undefined;
    return known.flatMap(gateway => (gateway.family === family ? [gateway.address!] : []));
  }
}
