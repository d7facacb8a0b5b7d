// Links, addresses, routes and neighbours of one network namespace.
import {
  attributesOf,
  type MessageWriter,
  NETLINK_ROUTE,
  type NetlinkMessage,
  NetlinkSocket,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  textOf,
} from './netlink.ts';

const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_GETLINK = 18;
const RTM_SETLINK = 19;
const RTM_NEWADDR = 20;
const RTM_DELADDR = 21;
const RTM_GETADDR = 22;
const RTM_NEWROUTE = 24;
const RTM_DELROUTE = 25;
const RTM_GETROUTE = 26;
const RTM_DELNEIGH = 29;
const RTM_GETNEIGH = 30;

const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_LINK = 5;
const IFLA_MASTER = 10;
const IFLA_PROTINFO = 12;
const IFLA_LINKINFO = 18;
const IFLA_IFALIAS = 20;
const IFLA_NET_NS_FD = 28;
const IFLA_EXT_MASK = 29;
const IFLA_NUM_TX_QUEUES = 31;
const IFLA_NUM_RX_QUEUES = 32;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const IFLA_BRPORT_MODE = 4;
const VETH_INFO_PEER = 1;
const IFLA_MACVLAN_MODE = 1;
const IFLA_MACVLAN_FLAGS = 2;
const MACVLAN_FLAG_NOPROMISC = 1;
const IFLA_IPVLAN_MODE = 1;
const IFLA_IPVLAN_FLAGS = 2;
const IFLA_VLAN_ID = 1;

const AF_UNSPEC = 0;
const AF_INET = 2;
const AF_BRIDGE = 7;
const AF_INET6 = 10;
const IFF_UP = 1;
const IFF_LOOPBACK = 8;

const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_BROADCAST = 4;
const IFA_F_NODAD = 0x02;

const NDA_DST = 1;

const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_TABLE = 15;
const RT_TABLE_MAIN = 254;
const RTPROT_BOOT = 3;
const RT_SCOPE_UNIVERSE = 0;
const RT_SCOPE_LINK = 253;
const RTN_UNICAST = 1;
const RTMGRP_IPV4_IFADDR = 0x10;
const RTMGRP_IPV4_ROUTE = 0x40;
const RTMGRP_IPV6_IFADDR = 0x100;
const RTMGRP_IPV6_ROUTE = 0x400;
const RTEXT_FILTER_SKIP_STATS = 8;

/** Link modes by the kernel's numbers. */
export const MACVLAN_MODES = { private: 1, vepa: 2, bridge: 4, passthru: 8 } as const;
export const IPVLAN_MODES = { l2: 0, l3: 1, l3s: 2 } as const;
export const IPVLAN_FLAGS = { bridge: 0, private: 1, vepa: 2 } as const;

export interface Link {
  index: number;
  name: string;
  up: boolean;
  loopback: boolean;
  kind: string;
  master: number;
  mtu: number;
  macAddress: string;
  alias: string;
}

/** An address in network byte order with its prefix length. */
export interface LinkAddress {
  bytes: Uint8Array;
  bits: number;
}

export interface Route {
  destination: LinkAddress | undefined;
  gateway: Uint8Array | undefined;
  link: number | undefined;
}

export type NewLink = { name: string; mtu?: number; macAddress?: string; alias?: string } & (
  | { kind: 'bridge' }
  | { kind: 'dummy' }
  | {
      kind: 'veth';
      master: number;
      up: boolean;
      peer: { name: string; namespace: number; macAddress?: string; mtu?: number };
    }
  | { kind: 'macvlan'; parent: number; mode: keyof typeof MACVLAN_MODES; noPromiscuity?: boolean; namespace?: number }
  | {
      kind: 'ipvlan';
      parent: number;
      mode: keyof typeof IPVLAN_MODES;
      flag: keyof typeof IPVLAN_FLAGS;
      namespace?: number;
    }
  | { kind: 'vlan'; parent: number; id: number }
);

export type LinkChange = {
  up?: boolean;
  mtu?: number;
  macAddress?: string;
  name?: string;
  /** 0 takes it out. */
  master?: number;
  alias?: string;
  /** A descriptor of the namespace to move it to. */
  namespace?: number;
};

/** Requests are made first and sent together: one system call for a whole interface. */
export const message = {
  newLink(link: NewLink): NetlinkMessage {
    return {
      type: RTM_NEWLINK,
      flags: NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL,
      subject: `create ${link.kind} ${link.name}`,
      body: writer => writeNewLink(writer, link),
    };
  },

  setLink(target: number | string, change: LinkChange): NetlinkMessage {
    return {
      type: RTM_NEWLINK,
      flags: NLM_F_ACK,
      subject: `change link ${target}`,
      body: writer => {
        const flags = change.up ? IFF_UP : 0;
        writeLinkHeader(writer, typeof target === 'number' ? target : 0, flags, change.up === undefined ? 0 : IFF_UP);
        // With an index, a name is the new one; without, it says which.
        if (typeof target === 'string') writer.attribute(IFLA_IFNAME, () => writer.text(target));
        else if (change.name !== undefined) writer.attribute(IFLA_IFNAME, () => writer.text(change.name!));
        writeCommon(writer, change);
        if (change.master !== undefined) writer.attribute(IFLA_MASTER, () => writer.u32(change.master!));
        if (change.namespace !== undefined) writer.attribute(IFLA_NET_NS_FD, () => writer.u32(change.namespace!));
      },
    };
  },

  deleteLink(target: number | string): NetlinkMessage {
    return {
      type: RTM_DELLINK,
      flags: NLM_F_ACK,
      subject: `delete link ${target}`,
      body: writer => {
        writeLinkHeader(writer, typeof target === 'number' ? target : 0, 0, 0);
        if (typeof target === 'string') writer.attribute(IFLA_IFNAME, () => writer.text(target));
      },
    };
  },

  /** A frame may leave through the bridge port it came in by. */
  setHairpin(index: number, on: boolean): NetlinkMessage {
    return {
      type: RTM_SETLINK,
      flags: NLM_F_ACK,
      subject: `set hairpin of link ${index}`,
      body: writer => {
        writer.u8(AF_BRIDGE).u8(0).u16(0).u32(index).u32(0).u32(0);
        writer.nested(IFLA_PROTINFO, () => writer.attribute(IFLA_BRPORT_MODE, () => writer.u8(on ? 1 : 0)));
      },
    };
  },

  addAddress(link: number, address: LinkAddress, options: { broadcast?: Uint8Array } = {}): NetlinkMessage {
    return {
      type: RTM_NEWADDR,
      flags: NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL,
      subject: `add address to link ${link}`,
      body: writer => {
        writeAddressHeader(writer, link, address);
        writer.attribute(IFA_LOCAL, () => writer.raw(address.bytes));
        writer.attribute(IFA_ADDRESS, () => writer.raw(address.bytes));
        if (options.broadcast) writer.attribute(IFA_BROADCAST, () => writer.raw(options.broadcast!));
      },
    };
  },

  deleteAddress(link: number, address: LinkAddress): NetlinkMessage {
    return {
      type: RTM_DELADDR,
      flags: NLM_F_ACK,
      subject: `delete address of link ${link}`,
      body: writer => {
        writeAddressHeader(writer, link, address);
        writer.attribute(IFA_LOCAL, () => writer.raw(address.bytes));
      },
    };
  },

  /** Without a destination it is the default route of the family. */
  addRoute(family: 4 | 6, route: Route): NetlinkMessage {
    return {
      type: RTM_NEWROUTE,
      flags: NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE,
      subject: `add route by link ${route.link}`,
      body: writer => writeRoute(writer, family, route),
    };
  },

  deleteNeighbour(link: number, address: Uint8Array): NetlinkMessage {
    return {
      type: RTM_DELNEIGH,
      flags: NLM_F_ACK,
      subject: `delete neighbour on link ${link}`,
      body: writer => {
        writeNeighbourHeader(writer, address.length === 4 ? AF_INET : AF_INET6, link);
        writer.attribute(NDA_DST, () => writer.raw(address));
      },
    };
  },

  deleteRoute(family: 4 | 6, route: Route): NetlinkMessage {
    return {
      type: RTM_DELROUTE,
      flags: NLM_F_ACK,
      subject: `delete route by link ${route.link}`,
      body: writer => writeRoute(writer, family, route),
    };
  },
};

export class RouteSocket implements Disposable {
  readonly #netlink: NetlinkSocket;

  /** Of the namespace this thread is in now. */
  constructor() {
    this.#netlink = NetlinkSocket.open(NETLINK_ROUTE);
  }

  /** The kernel goes through all of them even if one fails; the first failure is thrown. */
  send(...messages: NetlinkMessage[]): void {
    this.#netlink.request(messages);
  }

  /** The event loop goes on meanwhile. The socket belongs to this request and is closed after it. */
  async sendLast(message: NetlinkMessage): Promise<void> {
    try {
      await this.#netlink.requestInBackground(message);
    } finally {
      this.#netlink[Symbol.dispose]();
    }
  }

  link(target: number | string): Link {
    const [reply] = this.#netlink.request([
      {
        type: RTM_GETLINK,
        flags: 0,
        subject: `link ${target}`,
        body: writer => {
          writeLinkHeader(writer, typeof target === 'number' ? target : 0, 0, 0);
          if (typeof target === 'string') writer.attribute(IFLA_IFNAME, () => writer.text(target));
          writer.attribute(IFLA_EXT_MASK, () => writer.u32(RTEXT_FILTER_SKIP_STATS));
        },
      },
    ]);
    return parseLink(reply!);
  }

  links(): Link[] {
    return this.#netlink
      .dump(RTM_GETLINK, 'list links', writer => {
        writeLinkHeader(writer, 0, 0, 0);
        writer.attribute(IFLA_EXT_MASK, () => writer.u32(RTEXT_FILTER_SKIP_STATS));
      })
      .map(parseLink);
  }

  addresses(): { link: number; address: LinkAddress }[] {
    return this.#netlink
      .dump(RTM_GETADDR, 'list addresses', writer => writer.u8(AF_UNSPEC).u8(0).u8(0).u8(0).u32(0))
      .flatMap(payload => {
        const attributes = attributesOf(payload.subarray(8));
        const bytes = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS);
        return bytes ? [{ link: payload.readUInt32LE(4), address: { bytes, bits: payload.readUInt8(1) } }] : [];
      });
  }

  neighbours(): { link: number; address: Buffer }[] {
    return this.#netlink
      .dump(RTM_GETNEIGH, 'list neighbours', writer => writeNeighbourHeader(writer, AF_UNSPEC, 0))
      .flatMap(payload => {
        const address = attributesOf(payload.subarray(12)).get(NDA_DST);
        return address ? [{ link: payload.readInt32LE(4), address }] : [];
      });
  }

  /** Unicast routes of the main table. */
  routes(): Route[] {
    return this.#netlink
      .dump(RTM_GETROUTE, 'list routes', writer => {
        writer.u8(AF_UNSPEC).u8(0).u8(0).u8(0).u8(0).u8(0).u8(0).u8(0).u32(0);
      })
      .flatMap(payload => {
        const attributes = attributesOf(payload.subarray(12));
        const table = attributes.get(RTA_TABLE)?.readUInt32LE(0) ?? payload.readUInt8(4);
        if (table !== RT_TABLE_MAIN || payload.readUInt8(7) !== RTN_UNICAST) return [];
        const bytes = attributes.get(RTA_DST);
        return [
          {
            destination: bytes ? { bytes, bits: payload.readUInt8(1) } : undefined,
            gateway: attributes.get(RTA_GATEWAY),
            link: attributes.get(RTA_OIF)?.readUInt32LE(0),
          },
        ];
      });
  }

  /** Of either family and of any table. The kernel goes through all routes for it, and tells of the link's alone. */
  hasDefaultRoute(link: number): boolean {
    return [AF_INET, AF_INET6].some(family =>
      this.#netlink
        .dump(RTM_GETROUTE, `list routes by link ${link}`, writer => {
          writer.u8(family).u8(0).u8(0).u8(0).u8(0).u8(0).u8(0).u8(0).u32(0);
          writer.attribute(RTA_OIF, () => writer.u32(link));
        })
        .some(payload => payload.readUInt8(1) === 0 && payload.readUInt8(7) === RTN_UNICAST),
    );
  }

  [Symbol.dispose](): void {
    this.#netlink[Symbol.dispose]();
  }
}

/** Becomes readable when addresses or routes of this namespace change. */
export class AddressChanges implements Disposable {
  readonly #netlink = NetlinkSocket.open(
    NETLINK_ROUTE,
    RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE,
  );

  get descriptor(): number {
    return this.#netlink.descriptor;
  }

  /** Whether any of it was more than what an interface gets by itself, as each container's does. */
  drain(): boolean {
    return this.#netlink.news()?.some(({ type, payload }) => !isAutomatic(type, payload)) ?? true;
  }

  [Symbol.dispose](): void {
    this.#netlink[Symbol.dispose]();
  }
}

/** Link-local and multicast, of IPv6. */
function isAutomatic(type: number, payload: Buffer): boolean {
  if (payload.readUInt8(0) !== AF_INET6) return false;
  if (type === RTM_NEWADDR || type === RTM_DELADDR) return payload.readUInt8(3) === RT_SCOPE_LINK;
  const destination = attributesOf(payload.subarray(12)).get(RTA_DST);
  return destination !== undefined && (destination[0] === 0xff || (destination[0] === 0xfe && destination[1]! >= 0x80));
}

function writeLinkHeader(writer: MessageWriter, index: number, flags: number, change: number): void {
  writer.u8(AF_UNSPEC).u8(0).u16(0).u32(index).u32(flags).u32(change);
}

function writeCommon(writer: MessageWriter, common: { mtu?: number; macAddress?: string; alias?: string }): void {
  const { mtu, macAddress, alias } = common;
  if (macAddress) writer.attribute(IFLA_ADDRESS, () => writer.raw(macBytes(macAddress)));
  if (mtu) writer.attribute(IFLA_MTU, () => writer.u32(mtu));
  if (alias !== undefined) writer.attribute(IFLA_IFALIAS, () => writer.raw(Buffer.from(alias)));
}

function writeNewLink(writer: MessageWriter, link: NewLink): void {
  const up = link.kind === 'veth' && link.up ? IFF_UP : 0;
  writeLinkHeader(writer, 0, up, up);
  writer.attribute(IFLA_IFNAME, () => writer.text(link.name));
  writeCommon(writer, link);
  if (link.kind === 'veth') {
    writeOneQueue(writer);
    if (link.master > 0) writer.attribute(IFLA_MASTER, () => writer.u32(link.master));
  }
  if ('parent' in link) writer.attribute(IFLA_LINK, () => writer.u32(link.parent));
  if ('namespace' in link && link.namespace !== undefined) {
    writer.attribute(IFLA_NET_NS_FD, () => writer.u32(link.namespace!));
  }
  writer.nested(IFLA_LINKINFO, () => {
    writer.attribute(IFLA_INFO_KIND, () => writer.text(link.kind));
    writer.nested(IFLA_INFO_DATA, () => writeLinkData(writer, link));
  });
}

/** Of a veth no more are used. Unless told so, the kernel makes as many as there are processors and waits for all of them to stop using the rest. */
function writeOneQueue(writer: MessageWriter): void {
  for (const kind of [IFLA_NUM_TX_QUEUES, IFLA_NUM_RX_QUEUES]) writer.attribute(kind, () => writer.u32(1));
}

function writeLinkData(writer: MessageWriter, link: NewLink): void {
  switch (link.kind) {
    case 'veth': {
      const { peer } = link;
      writer.attribute(VETH_INFO_PEER, () => {
        writeLinkHeader(writer, 0, 0, 0);
        writer.attribute(IFLA_IFNAME, () => writer.text(peer.name));
        writeCommon(writer, peer);
        writeOneQueue(writer);
        writer.attribute(IFLA_NET_NS_FD, () => writer.u32(peer.namespace));
      });
      return;
    }
    case 'macvlan':
      writer.attribute(IFLA_MACVLAN_MODE, () => writer.u32(MACVLAN_MODES[link.mode]));
      if (link.noPromiscuity) writer.attribute(IFLA_MACVLAN_FLAGS, () => writer.u16(MACVLAN_FLAG_NOPROMISC));
      return;
    case 'ipvlan':
      writer.attribute(IFLA_IPVLAN_MODE, () => writer.u16(IPVLAN_MODES[link.mode]));
      writer.attribute(IFLA_IPVLAN_FLAGS, () => writer.u16(IPVLAN_FLAGS[link.flag]));
      return;
    case 'vlan':
      writer.attribute(IFLA_VLAN_ID, () => writer.u16(link.id));
      return;
    case 'bridge':
    case 'dummy':
  }
}

function writeAddressHeader(writer: MessageWriter, link: number, address: LinkAddress): void {
  const ipv6 = address.bytes.length === 16;
  // The engine never gives an address twice; waiting for the kernel to find that out would delay each start by a second.
  writer
    .u8(ipv6 ? AF_INET6 : AF_INET)
    .u8(address.bits)
    .u8(ipv6 ? IFA_F_NODAD : 0)
    .u8(0)
    .u32(link);
}

function writeNeighbourHeader(writer: MessageWriter, family: number, link: number): void {
  writer.u8(family).u8(0).u16(0).u32(link).u16(0).u8(0).u8(0);
}

function writeRoute(writer: MessageWriter, family: 4 | 6, route: Route): void {
  writer.u8(family === 4 ? AF_INET : AF_INET6);
  writer
    .u8(route.destination?.bits ?? 0)
    .u8(0)
    .u8(0);
  writer.u8(RT_TABLE_MAIN).u8(RTPROT_BOOT);
  writer.u8(route.gateway || family === 6 ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK).u8(RTN_UNICAST);
  writer.u32(0);
  if (route.destination) writer.attribute(RTA_DST, () => writer.raw(route.destination!.bytes));
  if (route.gateway) writer.attribute(RTA_GATEWAY, () => writer.raw(route.gateway!));
  if (route.link !== undefined) writer.attribute(RTA_OIF, () => writer.u32(route.link!));
}

function parseLink(payload: Buffer): Link {
  const attributes = attributesOf(payload.subarray(16));
  const info = attributes.get(IFLA_LINKINFO);
  return {
    index: payload.readInt32LE(4),
    up: (payload.readUInt32LE(8) & IFF_UP) !== 0,
    loopback: (payload.readUInt32LE(8) & IFF_LOOPBACK) !== 0,
    name: textOf(attributes.get(IFLA_IFNAME)),
    kind: info ? textOf(attributesOf(info).get(IFLA_INFO_KIND)) : '',
    master: attributes.get(IFLA_MASTER)?.readUInt32LE(0) ?? 0,
    mtu: attributes.get(IFLA_MTU)?.readUInt32LE(0) ?? 0,
    macAddress: (attributes.get(IFLA_ADDRESS) ?? Buffer.alloc(0)).toString('hex').replace(/(..)(?!$)/g, '$1:'),
    alias: textOf(attributes.get(IFLA_IFALIAS)),
  };
}

function macBytes(text: string): Uint8Array {
  return Buffer.from(text.replaceAll(':', ''), 'hex');
}
