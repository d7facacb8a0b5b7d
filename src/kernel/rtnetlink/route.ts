import {
  attributesOf,
  type MessageWriter,
  type NetlinkMessage,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_REPLACE,
} from '../netlink.ts';
import type { LinkAddress } from './address.ts';
import { AF_INET, AF_INET6, RT_SCOPE_LINK, RTA_DST, RTA_OIF, RTN_UNICAST } from './protocol.ts';

const RTM_NEWROUTE = 24;
const RTM_DELROUTE = 25;
const RTPROT_BOOT = 3;
const RT_SCOPE_UNIVERSE = 0;
const RT_TABLE_MAIN = 254;
const RTA_GATEWAY = 5;
const RTA_TABLE = 15;

export interface Route {
  destination: LinkAddress | undefined;
  gateway: Uint8Array | undefined;
  link: number | undefined;
}

export const routeMessages = {
  /** Without a destination it is the default route of the family. */
  addRoute(family: 4 | 6, route: Route): NetlinkMessage {
    return {
      type: RTM_NEWROUTE,
      flags: NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE,
      subject: `add route by link ${route.link}`,
      body: writer => writeRoute(writer, family, route),
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

/** Of a listing; none for what is not a unicast route of the main table. */
export function parseRoute(payload: Buffer): Route[] {
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
}
