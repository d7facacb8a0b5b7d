// The kernel's rules: asked for, and changed.

import { KernelError } from '../libc.ts';
import {
  attributesOf,
  eachAttribute,
  type MessageWriter,
  NETLINK_NETFILTER,
  type NetlinkMessage,
  NetlinkSocket,
  textOf,
} from '../netlink.ts';
import { type ForeignRule, readRule } from './foreign-rule.ts';
import {
  FAMILIES,
  HOOKS,
  type Hook,
  NF_DROP,
  NFNL_MSG_BATCH_BEGIN,
  NFNL_MSG_BATCH_END,
  NFNL_SUBSYS_NFTABLES,
  NFT_MSG_GETCHAIN,
  NFT_MSG_GETRULE,
  NFT_MSG_GETSETELEM,
  NFT_MSG_GETTABLE,
  NFTA_DATA_VALUE,
  type TableFamily,
} from './protocol.ts';
import type { BaseChain, Transaction } from './transaction.ts';

export interface ForeignChain extends BaseChain {
  family: TableFamily;
  table: string;
  chain: string;
  /** Never given again in the same table, also not to a chain of the same name. */
  handle: bigint;
}

const NO_NFTABLES = new Set(['EINVAL', 'EOPNOTSUPP', 'EPROTONOSUPPORT', 'EAFNOSUPPORT']);

export function kernelHasNftables(): boolean {
  try {
    using socket = new NftSocket();
    socket.tables('inet');
    return true;
  } catch (error) {
    // Who is not allowed to ask will be told so when it matters.
    return !(error instanceof KernelError && NO_NFTABLES.has(error.code));
  }
}

export class NftSocket implements Disposable {
  readonly #netlink: NetlinkSocket;

  /** Of the namespace this thread is in now. */
  constructor() {
    this.#netlink = NetlinkSocket.open(NETLINK_NETFILTER);
  }

  commit(transaction: Transaction): void {
    if (transaction.messages.length === 0) return;
    const edge = (type: number, subject: string): NetlinkMessage => ({
      type,
      flags: 0,
      subject,
      body: writer => writer.u8(0).u8(0).be16(NFNL_SUBSYS_NFTABLES),
    });
    this.#netlink.request([
      edge(NFNL_MSG_BATCH_BEGIN, 'nftables transaction'),
      ...transaction.messages,
      edge(NFNL_MSG_BATCH_END, 'nftables transaction'),
    ]);
  }

  tables(family: TableFamily): string[] {
    return this.#dump(NFT_MSG_GETTABLE, family, 'list tables', () => undefined).map(payload =>
      textOf(attributesOf(payload.subarray(4)).get(1)),
    );
  }

  /** Another one for a table that was made anew under the same name. */
  tableHandle(family: TableFamily, table: string): bigint | undefined {
    for (const payload of this.#dump(NFT_MSG_GETTABLE, family, 'list tables', () => undefined)) {
      const attributes = attributesOf(payload.subarray(4));
      if (textOf(attributes.get(1)) === table) return attributes.get(4)?.readBigUInt64BE(0);
    }
    return undefined;
  }

  /** Chains of all tables that the kernel calls by itself. */
  baseChains(): ForeignChain[] {
    return (['inet', 'ip', 'ip6'] as const).flatMap(family =>
      this.#dump(NFT_MSG_GETCHAIN, family, 'list chains', () => undefined).flatMap(payload => {
        const attributes = attributesOf(payload.subarray(4));
        const hook = attributes.get(4);
        if (!hook) return [];
        const hookAttributes = attributesOf(hook);
        const number = hookAttributes.get(1)?.readUInt32BE(0);
        const name = Object.entries(HOOKS).find(([, value]) => value === number)?.[0];
        if (!name) return [];
        return [
          {
            family,
            table: textOf(attributes.get(1)),
            chain: textOf(attributes.get(3)),
            handle: attributes.get(2)?.readBigUInt64BE(0) ?? 0n,
            type: textOf(attributes.get(7)) as BaseChain['type'],
            hook: name as Hook,
            priority: hookAttributes.get(2)?.readInt32BE(0) ?? 0,
            policy: attributes.get(5)?.readUInt32BE(0) === NF_DROP ? 'drop' : 'accept',
          } as const,
        ];
      }),
    );
  }

  /** The names of all that a table has. */
  chains(family: TableFamily, table: string): Set<string> {
    const found = this.#dump(NFT_MSG_GETCHAIN, family, 'list chains', () => undefined);
    const described = found.map(payload => attributesOf(payload.subarray(4)));
    return new Set(
      described.filter(attributes => textOf(attributes.get(1)) === table).map(attributes => textOf(attributes.get(3))),
    );
  }

  /** None where there is no such chain. */
  rules(family: TableFamily, table: string, chain: string): ForeignRule[] {
    return this.#rules(family, table, chain).map(readRule);
  }

  /** For chains that may be long: what each rule says costs most. */
  ruleCount(family: TableFamily, table: string, chain: string): number {
    return this.#rules(family, table, chain).length;
  }

  #rules(family: TableFamily, table: string, chain: string): Buffer[] {
    return this.#dump(NFT_MSG_GETRULE, family, `list rules of ${table} ${chain}`, writer => {
      writer.attribute(1, () => writer.text(table));
      writer.attribute(2, () => writer.text(chain));
    });
  }

  keys(family: TableFamily, table: string, set: string): Buffer[] {
    const found = this.#dump(NFT_MSG_GETSETELEM, family, `list elements of ${table} ${set}`, writer => {
      writer.attribute(1, () => writer.text(table));
      writer.attribute(2, () => writer.text(set));
    });
    return found.flatMap(payload => {
      const list = attributesOf(payload.subarray(4)).get(3);
      if (!list) return [];
      return [...eachAttribute(list)].flatMap(([, element]) => {
        const key = attributesOf(element).get(1);
        const value = key && attributesOf(key).get(NFTA_DATA_VALUE);
        return value ? [value] : [];
      });
    });
  }

  #dump(type: number, family: TableFamily, subject: string, body: (writer: MessageWriter) => void): Buffer[] {
    return this.#netlink.dump((NFNL_SUBSYS_NFTABLES << 8) | type, subject, writer => {
      writer.u8(FAMILIES[family]).u8(0).be16(0);
      body(writer);
    });
  }

  [Symbol.dispose](): void {
    this.#netlink[Symbol.dispose]();
  }
}
