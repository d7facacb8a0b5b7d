// Addresses of interfaces, and what the neighbours there are known by.
import {
  attributesOf,
  type MessageWriter,
  type NetlinkMessage,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_EXCL,
} from '../netlink.ts';
import { AF_INET, AF_INET6, RTM_DELADDR, RTM_NEWADDR } from './protocol.ts';

const RTM_DELNEIGH = 29;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_BROADCAST = 4;
const IFA_F_NODAD = 0x02;
const NDA_DST = 1;

/** An address in network byte order with its prefix length. */
export interface LinkAddress {
  bytes: Uint8Array;
  bits: number;
}

export const addressMessages = {
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
};

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

/** Of a listing; none for what has no address. */
export function parseAddress(payload: Buffer): { link: number; address: LinkAddress }[] {
  const attributes = attributesOf(payload.subarray(8));
  const bytes = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS);
  return bytes ? [{ link: payload.readUInt32LE(4), address: { bytes, bits: payload.readUInt8(1) } }] : [];
}

export function writeNeighbourHeader(writer: MessageWriter, family: number, link: number): void {
  writer.u8(family).u8(0).u16(0).u32(link).u16(0).u8(0).u8(0);
}

export function parseNeighbour(payload: Buffer): { link: number; address: Buffer }[] {
  const address = attributesOf(payload.subarray(12)).get(NDA_DST);
  return address ? [{ link: payload.readInt32LE(4), address }] : [];
}
