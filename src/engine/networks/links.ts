// Legacy links: on the default bridge, which has no names, a container gets lines in /etc/hosts for others that it names.
import { conflict, failed, invalid } from '../../lib/errors.ts';
import type { FirewallLink } from '../../network/firewall/firewall.ts';
import type { NetworkContext } from './context.ts';
import type { LiveEndpoint, SandboxRecord } from './record.ts';
import { parsePort } from './register.ts';

export interface ActiveLink {
  target: SandboxRecord;
  alias: string;
  addresses: string[];
  /** As they stand in /etc/hosts. */
  names: string[];
}

/** "container:alias", or just the container. */
export function parseLink(text: string): { name: string; alias: string } {
  const parts = text.split(':');
  if (text === '' || parts.length > 2 || parts[0] === '') throw invalid(`bad format for links: ${text}`);
  const name = parts[0]!.replace(/^\//, '');
  // What inspect shows of a link has the parent's name in front of the alias.
  const alias = parts[1]?.split('/').pop() || name;
  return { name, alias };
}

/** The same links, to a container that has another name now. */
export function renamedLinks(links: readonly string[], before: string, after: string): string[] {
  return links.map(text => {
    const { name, alias } = parseLink(text);
    return name === before ? `${after}:${alias}` : text;
  });
}

/** For a request: a link to nobody is refused before anything is made. */
export function requireLinkTargets(context: NetworkContext, links: readonly string[]): void {
  for (const { name } of links.map(parseLink)) {
    if (!context.users.resolve(name)) throw invalid(`could not get container for ${name}: No such container: ${name}`);
  }
}

/** Those whose container runs. */
export function linksOf(context: NetworkContext, sandbox: SandboxRecord): ActiveLink[] {
  if (sandbox.links.length === 0 || !bridgeEndpoint(context, sandbox)) return [];
  return sandbox.links.flatMap(text => {
    const { name, alias } = parseLink(text);
    const id = context.users.resolve(name);
    const target = id && context.store.sandbox(id);
    const live = target && bridgeEndpoint(context, target);
    if (!target || !live) return [];
    const addresses = [live.ipv4, live.ipv6].flatMap(address => (address ? [address.address] : []));
    return [{ target, alias, addresses, names: [...new Set([alias, target.hostname, target.name])] }];
  });
}

/** Throws for links that can't be made when the container starts. */
export function checkLinks(context: NetworkContext, sandbox: SandboxRecord): void {
  // On other networks a link is a name more, told when it is asked for: clients send it as one of the endpoint too.
  if (!bridgeEndpoint(context, sandbox)) return;
  for (const text of sandbox.links) {
    const { name, alias } = parseLink(text);
    const id = context.users.resolve(name);
    const target = id && context.store.sandbox(id);
    if (!target) throw failed(`could not get container for ${name}: No such container: ${name}`);
    if (bridgeEndpoint(context, target)) continue;
    if (target.live) throw failed(`container ${target.name} is not attached to the default bridge network`);
    throw conflict(`Cannot link to a non running container: /${target.name} AS /${sandbox.name}/${alias}`);
  }
}

/** What the firewall lets through where containers of the bridge may not talk to each other. */
export function linkRules(context: NetworkContext, sandbox: SandboxRecord): FirewallLink[] {
  const from = bridgeEndpoint(context, sandbox)?.ipv4?.address;
  if (!from) return [];
  return linksOf(context, sandbox).flatMap(({ target }) => {
    const to = bridgeEndpoint(context, target)?.ipv4?.address;
    return [...new Set([...target.exposedPorts, ...Object.keys(target.portBindings)])].flatMap(key => {
      const parsed = parsePort(key);
      return to && parsed ? [{ from, to, ...parsed }] : [];
    });
  });
}

/** Those of its links, and of the links of others to it: they come and go with its place on the bridge. */
export function linkRulesAround(context: NetworkContext, sandbox: SandboxRecord): FirewallLink[] {
  const own = bridgeEndpoint(context, sandbox)?.ipv4?.address;
  if (!own) return [];
  const others = linkedFrom(context, sandbox).flatMap(other => linkRules(context, other));
  return [...linkRules(context, sandbox), ...others.filter(({ to }) => to === own)];
}

/** Running containers with a link to this one, be it on the bridge or not. */
export function linkedFrom(context: NetworkContext, sandbox: SandboxRecord): SandboxRecord[] {
  const isTarget = (text: string) => context.users.resolve(parseLink(text).name) === sandbox.container;
  return [...context.store.sandboxes].filter(other => other.live && other.links.some(isTarget));
}

function bridgeEndpoint(context: NetworkContext, sandbox: SandboxRecord): LiveEndpoint | undefined {
  for (const endpoint of Object.values(sandbox.endpoints)) {
    const network = context.store.network(endpoint.network);
    if (network && endpoint.live && context.defaultBridge.is(network)) return endpoint.live;
  }
  return undefined;
}
