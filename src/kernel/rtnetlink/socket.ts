// What one network namespace has, and what it is told to change.
import { NETLINK_ROUTE, type NetlinkMessage, NetlinkSocket } from '../netlink.ts';
import { type LinkAddress, parseAddress, parseNeighbour, writeNeighbourHeader } from './address.ts';
import { type Link, parseLink, writeLinkHeader } from './link.ts';
import { AF_INET, AF_INET6, AF_UNSPEC, IFLA_IFNAME, RTA_OIF, RTN_UNICAST } from './protocol.ts';
import { parseRoute, type Route } from './route.ts';

const RTM_GETLINK = 18;
const RTM_GETADDR = 22;
const RTM_GETROUTE = 26;
const RTM_GETNEIGH = 30;
const IFLA_EXT_MASK = 29;
const RTEXT_FILTER_SKIP_STATS = 8;

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
      .flatMap(parseAddress);
  }

  neighbours(): { link: number; address: Buffer }[] {
    return this.#netlink
      .dump(RTM_GETNEIGH, 'list neighbours', writer => writeNeighbourHeader(writer, AF_UNSPEC, 0))
      .flatMap(parseNeighbour);
  }

  /** Unicast routes of the main table. */
  routes(): Route[] {
    return this.#netlink
      .dump(RTM_GETROUTE, 'list routes', writer => {
        writer.u8(AF_UNSPEC).u8(0).u8(0).u8(0).u8(0).u8(0).u8(0).u8(0).u32(0);
      })
      .flatMap(parseRoute);
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
