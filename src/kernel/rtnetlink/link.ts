// Interfaces.
import {
  attributesOf,
  type MessageWriter,
  type NetlinkMessage,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_EXCL,
  textOf,
} from '../netlink.ts';
import { AF_UNSPEC, IFLA_IFNAME } from './protocol.ts';

const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_SETLINK = 19;
const IFLA_ADDRESS = 1;
const IFLA_MTU = 4;
const IFLA_LINK = 5;
const IFLA_MASTER = 10;
const IFLA_PROTINFO = 12;
const IFLA_LINKINFO = 18;
const IFLA_IFALIAS = 20;
const IFLA_NET_NS_FD = 28;
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
const AF_BRIDGE = 7;
const IFF_UP = 1;
const IFF_LOOPBACK = 8;

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

export const linkMessages = {
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
};

export function writeLinkHeader(writer: MessageWriter, index: number, flags: number, change: number): void {
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

export function parseLink(payload: Buffer): Link {
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
