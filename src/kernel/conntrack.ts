// What the kernel remembers of flows (connection tracking). A flow keeps the translation that its first packet got, until it
// pauses: one that never pauses must be forgotten for new rules to hold for it.
import { errnoOf } from '../lib/errors.ts';
import {
  attributesOf,
  type MessageWriter,
  NETLINK_NETFILTER,
  type NetlinkMessage,
  NetlinkSocket,
  NLM_F_ACK,
} from './netlink.ts';

const NFNL_SUBSYS_CTNETLINK = 1;
const IPCTNL_MSG_CT_GET = 1;
const IPCTNL_MSG_CT_DELETE = 2;
const AF_INET = 2;
const AF_INET6 = 10;
const IPPROTO_UDP = 17;

const CTA_TUPLE_ORIG = 1;
const CTA_ID = 12;
const CTA_FILTER = 25;
const CTA_TUPLE_IP = 1;
const CTA_TUPLE_PROTO = 2;
const CTA_IP_V4_DST = 2;
const CTA_IP_V6_DST = 4;
const CTA_PROTO_NUM = 1;
const CTA_PROTO_DST_PORT = 3;
const CTA_FILTER_ORIG_FLAGS = 1;
const FILTER_PROTO_NUM = 1 << 3;
const FILTER_PROTO_DST_PORT = 1 << 5;

/** Where the sender of a UDP flow sends to. */
export interface FlowTarget {
  family: 4 | 6;
  /** Of any address, if there is none. */
  address: Uint8Array | undefined;
  port: number;
}

/** Belongs to the network namespace it was opened in. */
export class ConntrackSocket implements Disposable {
  readonly #netlink = NetlinkSocket.open(NETLINK_NETFILTER);

  /** The next packet of such a flow is a first one again. */
  forgetUdp(target: FlowTarget): void {
    for (const flow of this.#flowsTo(target)) {
      try {
        this.#netlink.request([flow]);
      } catch (error) {
        // It ended by itself meanwhile.
        if (errnoOf(error) !== 'ENOENT') throw error;
      }
    }
  }

  /** A request for the deletion of each. */
  #flowsTo({ family, address, port }: FlowTarget): NetlinkMessage[] {
    const header = (writer: MessageWriter) =>
      writer
        .u8(family === 4 ? AF_INET : AF_INET6)
        .u8(0)
        .be16(0);
    const type = (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_GET;
    const found = this.#netlink.dump(type, `list flows to port ${port}`, writer => {
      header(writer);
      // Kernels before 5.8 ignore the filter and list everything.
      writer.nested(CTA_FILTER, () =>
        writer.attribute(CTA_FILTER_ORIG_FLAGS, () => writer.u32(FILTER_PROTO_NUM | FILTER_PROTO_DST_PORT)),
      );
      writer.nested(CTA_TUPLE_ORIG, () =>
        writer.nested(CTA_TUPLE_PROTO, () => {
          writer.attribute(CTA_PROTO_NUM, () => writer.u8(IPPROTO_UDP));
          writer.attribute(CTA_PROTO_DST_PORT, () => writer.be16(port));
        }),
      );
    });
    return found.flatMap(payload => {
      const attributes = attributesOf(payload.subarray(4));
      const tuple = attributes.get(CTA_TUPLE_ORIG);
      const id = attributes.get(CTA_ID);
      if (!tuple || !id || !isTo(tuple, family, address, port)) return [];
      return [
        {
          type: (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_DELETE,
          flags: NLM_F_ACK,
          subject: `forget a flow to port ${port}`,
          body: writer => {
            header(writer);
            writer.nested(CTA_TUPLE_ORIG, () => writer.raw(tuple));
            writer.attribute(CTA_ID, () => writer.raw(id));
          },
        },
      ];
    });
  }

  [Symbol.dispose](): void {
    this.#netlink[Symbol.dispose]();
  }
}

function isTo(tuple: Buffer, family: 4 | 6, address: Uint8Array | undefined, port: number): boolean {
  const parts = attributesOf(tuple);
  const protocol = attributesOf(parts.get(CTA_TUPLE_PROTO) ?? Buffer.alloc(0));
  if (protocol.get(CTA_PROTO_NUM)?.[0] !== IPPROTO_UDP) return false;
  if (protocol.get(CTA_PROTO_DST_PORT)?.readUInt16BE(0) !== port) return false;
  if (!address) return true;
  const addresses = attributesOf(parts.get(CTA_TUPLE_IP) ?? Buffer.alloc(0));
  const destination = addresses.get(family === 4 ? CTA_IP_V4_DST : CTA_IP_V6_DST);
  return destination !== undefined && Buffer.compare(destination, address) === 0;
}
