import { attributesOf, NETLINK_ROUTE, NetlinkSocket } from '../netlink.ts';
import { AF_INET6, RT_SCOPE_LINK, RTA_DST, RTM_DELADDR, RTM_NEWADDR } from './protocol.ts';

const RTMGRP_IPV4_IFADDR = 0x10;
const RTMGRP_IPV4_ROUTE = 0x40;
const RTMGRP_IPV6_IFADDR = 0x100;
const RTMGRP_IPV6_ROUTE = 0x400;

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
