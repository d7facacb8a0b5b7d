// What lies around our networks on this host. Packets between them and the outside are ours to judge; those between them and
// the networks of another engine are for its owner too, who may have closed them.

import type { LinkAddress } from '../../../kernel/rtnetlink/address.ts';
import type { Link } from '../../../kernel/rtnetlink/link.ts';
import type { RouteSocket } from '../../../kernel/rtnetlink/socket.ts';

export interface Surroundings {
  /** Interfaces by which the host is connected, and the bridges of engines of ours that judge in a place of their own. */
  outside: readonly string[];
  /** Bridges that connect nothing but containers or virtual machines, of somebody else. */
  guests: readonly string[];
}

/** Where the other end is a container or a virtual machine. */
const VIRTUAL: ReadonlySet<string> = new Set(['veth', 'tun']);

export interface HostLinks {
  links: readonly Link[];
  addresses: readonly { link: number; address: LinkAddress }[];
  /** Asked only of what may be an uplink or a guest. */
  hasDefaultRoute(link: number): boolean;
}

/** `judges` are known by the alias of the bridges that they made. */
export function surroundingsOf(host: HostLinks, own: ReadonlySet<string>, judges: ReadonlySet<string>): Surroundings {
  const { links } = host;
  const bridges = new Set(links.flatMap(link => (link.kind === 'bridge' ? [link.index] : [])));
  const connecting = new Set(links.flatMap(link => (VIRTUAL.has(link.kind) ? [] : [link.master])));
  const inSubnet = new Set(host.addresses.flatMap(({ link, address }) => (hasNeighbours(address) ? [link] : [])));
  const outside: string[] = [];
  const guests: string[] = [];
  for (const link of links) {
    // What a bridge has for its port has no packets of its own.
    if (own.has(link.name) || link.loopback || !link.up || bridges.has(link.master)) continue;
    if (link.kind === 'bridge') {
      const isOutside = judges.has(link.alias) || connecting.has(link.index) || host.hasDefaultRoute(link.index);
      (isOutside ? outside : guests).push(link.name);
    } else if (link.kind !== 'veth' || inSubnet.has(link.index) || host.hasDefaultRoute(link.index)) {
      // The host's end of a container's own interface has no subnet.
      outside.push(link.name);
    }
  }
  return { outside: outside.sort(), guests: guests.sort() };
}

/** Kinds by which a host carries packets for containers, virtual machines or peers of others. */
const CARRYING: ReadonlySet<string> = new Set(['bridge', 'tun', 'wireguard', 'ipip', 'gre', 'sit', 'vxlan']);

/** Whether anybody but us may need that the host forwards. */
export function carriesForOthers({ links, addresses, hasDefaultRoute }: HostLinks, own: ReadonlySet<string>): boolean {
  const inSubnet = new Set(addresses.flatMap(({ link, address }) => (hasNeighbours(address) ? [link] : [])));
  return links.some(link => {
    if (own.has(link.name)) return false;
    // Some kernels put tunnels of their own into every namespace, which are down until somebody uses them.
    if (CARRYING.has(link.kind)) return link.up || link.kind === 'bridge';
    return link.kind === 'veth' && link.master === 0 && !inSubnet.has(link.index) && !hasDefaultRoute(link.index);
  });
}

export function readSurroundings(
  route: RouteSocket,
  own: ReadonlySet<string>,
  judges: ReadonlySet<string>,
): Surroundings {
  return surroundingsOf(hostLinksOf(route), own, judges);
}

export const hostLinksOf = (route: RouteSocket): HostLinks => ({
  links: route.links(),
  addresses: route.addresses(),
  hasDefaultRoute: link => route.hasDefaultRoute(link),
});

function hasNeighbours({ bytes, bits }: LinkAddress): boolean {
  const isLinkLocal = bytes.length === 16 && bytes[0] === 0xfe && (bytes[1]! & 0xc0) === 0x80;
  return !isLinkLocal && bits < bytes.length * 8;
}
