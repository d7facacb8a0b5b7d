// nf_tables by netlink: everything in one transaction happens, or nothing does.
import { KernelError } from './libc.ts';
import {
  attributesOf,
  eachAttribute,
  type MessageWriter,
  NETLINK_NETFILTER,
  type NetlinkMessage,
  NetlinkSocket,
  NLM_F_ACK,
  NLM_F_APPEND,
  NLM_F_CREATE,
  textOf,
} from './netlink.ts';

const NFNL_SUBSYS_NFTABLES = 10;
const NFNLGRP_NFTABLES = 7;
const NFNL_MSG_BATCH_BEGIN = 16;
const NFNL_MSG_BATCH_END = 17;
const NFT_MSG_NEWTABLE = 0;
const NFT_MSG_GETTABLE = 1;
const NFT_MSG_DELTABLE = 2;
const NFT_MSG_NEWCHAIN = 3;
const NFT_MSG_GETCHAIN = 4;
const NFT_MSG_DELCHAIN = 5;
const NFT_MSG_NEWRULE = 6;
const NFT_MSG_GETRULE = 7;
const NFT_MSG_DELRULE = 8;
const NFT_MSG_NEWSET = 9;
const NFT_MSG_NEWSETELEM = 12;
const NFT_MSG_GETSETELEM = 13;
const NFT_MSG_DELSETELEM = 14;

const FAMILIES = { inet: 1, ip: 2, ip6: 10, bridge: 7, arp: 3, netdev: 5 } as const;
export type TableFamily = keyof typeof FAMILIES;

const HOOKS = { prerouting: 0, input: 1, forward: 2, output: 3, postrouting: 4 } as const;
export type Hook = keyof typeof HOOKS;

const NF_DROP = 0;
const NF_ACCEPT = 1;
const NFT_JUMP = -3 >>> 0;
const NFT_RETURN = -5 >>> 0;
const NFT_DATA_VERDICT = 0xffffff00;
const NFT_SET_MAP = 8;
const NFT_REG_VERDICT = 0;
/** The first of sixteen registers of four bytes each. */
const REGISTERS = 8;

const NFTA_DATA_VALUE = 1;
const NFTA_DATA_VERDICT = 2;

export type Verdict = 'accept' | 'drop' | 'return' | { jump: string };

/** What a set's keys or a map's values are made of; several are laid out one after the other, each on four bytes. */
export type FieldType = 'ipv4' | 'ipv6' | 'port' | 'protocol' | 'ifname' | 'nfproto';

const FIELD_TYPES: Record<FieldType, { id: number; length: number }> = {
  ipv4: { id: 7, length: 4 },
  ipv6: { id: 8, length: 16 },
  protocol: { id: 12, length: 1 },
  port: { id: 13, length: 2 },
  ifname: { id: 41, length: 16 },
  nfproto: { id: 2, length: 1 },
};

const padded = (length: number) => (length + 3) & ~3;
const layoutLength = (fields: readonly FieldType[]) =>
  fields.length === 1
    ? FIELD_TYPES[fields[0]!].length
    : fields.reduce((sum, field) => sum + padded(FIELD_TYPES[field].length), 0);
/** How `nft list` reads it: six bits per field. */
const layoutId = (fields: readonly FieldType[]) => fields.reduce((id, field) => (id << 6) | FIELD_TYPES[field].id, 0);

export interface SetLayout {
  name: string;
  key: readonly FieldType[];
  /** A map to values, or to verdicts. Without it, a set. */
  data?: readonly FieldType[] | 'verdict';
}

export interface SetElement {
  key: Uint8Array;
  data?: Uint8Array | Verdict;
}

export interface BaseChain {
  type: 'filter' | 'nat' | 'route';
  hook: Hook;
  priority: number;
  policy: 'accept' | 'drop';
}

/** One step of a rule. */
export type Expression = (writer: MessageWriter) => void;

const META = { mark: 3, iifname: 6, oifname: 7, nfproto: 15, l4proto: 16 } as const;
const CT = { state: 0, status: 2 } as const;
export const CT_STATE = { invalid: 1, established: 2, related: 4, new: 8, untracked: 64 } as const;
export const CT_STATUS_DNAT = 1 << 5;
const FIB_RESULTS = { oif: 1, oifname: 2, type: 3 } as const;
const FIB_FLAGS = { saddr: 1, daddr: 2, iif: 8 } as const;

/** Steps of a rule. `register` counts in units of four bytes; a key of several fields lies in consecutive ones. */
export const expression = {
  meta: (key: keyof typeof META, register = 0): Expression =>
    named('meta', writer => {
      writer.attribute(2, () => writer.be32(META[key]));
      writer.attribute(1, () => writer.be32(REGISTERS + register));
    }),

  ct: (key: keyof typeof CT, register = 0): Expression =>
    named('ct', writer => {
      writer.attribute(2, () => writer.be32(CT[key]));
      writer.attribute(1, () => writer.be32(REGISTERS + register));
    }),

  fib: (result: keyof typeof FIB_RESULTS, by: readonly (keyof typeof FIB_FLAGS)[], register = 0): Expression =>
    named('fib', writer => {
      writer.attribute(3, () => writer.be32(by.reduce((flags, flag) => flags | FIB_FLAGS[flag], 0)));
      writer.attribute(2, () => writer.be32(FIB_RESULTS[result]));
      writer.attribute(1, () => writer.be32(REGISTERS + register));
    }),

  payload: (base: 'network' | 'transport', offset: number, length: number, register = 0): Expression =>
    named('payload', writer => {
      writer.attribute(1, () => writer.be32(REGISTERS + register));
      writer.attribute(2, () => writer.be32(base === 'network' ? 1 : 2));
      writer.attribute(3, () => writer.be32(offset));
      writer.attribute(4, () => writer.be32(length));
    }),

  compare: (operator: 'eq' | 'ne', value: Uint8Array, register = 0): Expression =>
    named('cmp', writer => {
      writer.attribute(1, () => writer.be32(REGISTERS + register));
      writer.attribute(2, () => writer.be32(operator === 'eq' ? 0 : 1));
      writer.nested(3, () => writer.attribute(NFTA_DATA_VALUE, () => writer.raw(value)));
    }),

  /** Keeps the bits of `mask`. */
  mask: (mask: Uint8Array, register = 0): Expression =>
    named('bitwise', writer => {
      writer.attribute(1, () => writer.be32(REGISTERS + register));
      writer.attribute(2, () => writer.be32(REGISTERS + register));
      writer.attribute(3, () => writer.be32(mask.length));
      writer.nested(4, () => writer.attribute(NFTA_DATA_VALUE, () => writer.raw(mask)));
      writer.nested(5, () => writer.attribute(NFTA_DATA_VALUE, () => writer.raw(new Uint8Array(mask.length))));
    }),

  inSet: (set: string, options: { not?: boolean; register?: number } = {}): Expression =>
    named('lookup', writer => {
      writer.attribute(1, () => writer.text(set));
      writer.attribute(2, () => writer.be32(REGISTERS + (options.register ?? 0)));
      if (options.not) writer.attribute(5, () => writer.be32(1));
    }),

  /** The verdict that a map has for the key; the rule ends there if it has one. */
  verdictFrom: (map: string, register = 0): Expression =>
    named('lookup', writer => {
      writer.attribute(1, () => writer.text(map));
      writer.attribute(2, () => writer.be32(REGISTERS + register));
      writer.attribute(3, () => writer.be32(NFT_REG_VERDICT));
    }),

  valueFrom: (map: string, to: number, register = 0): Expression =>
    named('lookup', writer => {
      writer.attribute(1, () => writer.text(map));
      writer.attribute(2, () => writer.be32(REGISTERS + register));
      writer.attribute(3, () => writer.be32(REGISTERS + to));
    }),

  immediate: (value: Uint8Array, register = 0): Expression =>
    named('immediate', writer => {
      writer.attribute(1, () => writer.be32(REGISTERS + register));
      writer.nested(2, () => writer.attribute(NFTA_DATA_VALUE, () => writer.raw(value)));
    }),

  /** Address and port from registers. */
  nat: (type: 'snat' | 'dnat', family: 4 | 6, registers: { address: number; port?: number }): Expression =>
    named('nat', writer => {
      writer.attribute(1, () => writer.be32(type === 'snat' ? 0 : 1));
      writer.attribute(2, () => writer.be32(family === 4 ? FAMILIES.ip : FAMILIES.ip6));
      writer.attribute(3, () => writer.be32(REGISTERS + registers.address));
      if (registers.port !== undefined) writer.attribute(5, () => writer.be32(REGISTERS + registers.port!));
    }),

  masquerade: (): Expression => named('masq', () => undefined),

  /** To a port of the host itself; the port lies in a register. */
  redirect: (register: number): Expression =>
    named('redir', writer => writer.attribute(1, () => writer.be32(REGISTERS + register))),

  counter: (): Expression => named('counter', () => undefined),

  verdict: (verdict: Verdict): Expression =>
    named('immediate', writer => {
      writer.attribute(1, () => writer.be32(NFT_REG_VERDICT));
      writer.nested(2, () => writeVerdict(writer, verdict));
    }),
};

function named(name: string, data: (writer: MessageWriter) => void): Expression {
  return writer => {
    writer.nested(1, () => {
      writer.attribute(1, () => writer.text(name));
      writer.nested(2, () => data(writer));
    });
  };
}

function writeVerdict(writer: MessageWriter, verdict: Verdict): void {
  writer.nested(NFTA_DATA_VERDICT, () => {
    if (typeof verdict === 'object') {
      writer.attribute(1, () => writer.be32(NFT_JUMP));
      writer.attribute(2, () => writer.text(verdict.jump));
      return;
    }
    const code = { accept: NF_ACCEPT, drop: NF_DROP, return: NFT_RETURN }[verdict];
    writer.attribute(1, () => writer.be32(code));
  });
}

/** Collects changes; nothing happens before it is committed. */
export class Transaction {
  readonly messages: NetlinkMessage[] = [];
  #setId = 1;

  addTable(family: TableFamily, table: string): this {
    return this.#add(NFT_MSG_NEWTABLE, NLM_F_CREATE, family, `add table ${table}`, writer => {
      writer.attribute(1, () => writer.text(table));
      writer.attribute(2, () => writer.be32(0));
    });
  }

  deleteTable(family: TableFamily, table: string): this {
    return this.#add(NFT_MSG_DELTABLE, 0, family, `delete table ${table}`, writer =>
      writer.attribute(1, () => writer.text(table)),
    );
  }

  addChain(family: TableFamily, table: string, chain: string, base?: BaseChain): this {
    return this.#add(NFT_MSG_NEWCHAIN, NLM_F_CREATE, family, `add chain ${chain}`, writer => {
      writer.attribute(1, () => writer.text(table));
      writer.attribute(3, () => writer.text(chain));
      if (!base) return;
      writer.nested(4, () => {
        writer.attribute(1, () => writer.be32(HOOKS[base.hook]));
        writer.attribute(2, () => writer.be32(base.priority));
      });
      writer.attribute(5, () => writer.be32(base.policy === 'drop' ? NF_DROP : NF_ACCEPT));
      writer.attribute(7, () => writer.text(base.type));
    });
  }

  /** At the end of the chain, or at its start. */
  addRule(
    target: { family: TableFamily; table: string; chain: string },
    expressions: readonly Expression[],
    options: { first?: boolean; comment?: string } = {},
  ): this {
    const { family, table, chain } = target;
    const flags = NLM_F_CREATE | (options.first ? 0 : NLM_F_APPEND);
    return this.#add(NFT_MSG_NEWRULE, flags, family, `add rule to ${table} ${chain}`, writer => {
      writer.attribute(1, () => writer.text(table));
      writer.attribute(2, () => writer.text(chain));
      writer.nested(4, () => {
        for (const write of expressions) write(writer);
      });
      if (options.comment) writer.attribute(7, () => writer.raw(commentData(options.comment!)));
    });
  }

  deleteChain(family: TableFamily, table: string, chain: string): this {
    return this.#add(NFT_MSG_DELCHAIN, 0, family, `delete chain ${chain}`, writer => {
      writer.attribute(1, () => writer.text(table));
      writer.attribute(3, () => writer.text(chain));
    });
  }

  /** All rules of a chain. */
  flushChain(family: TableFamily, table: string, chain: string): this {
    return this.#add(NFT_MSG_DELRULE, 0, family, `flush chain ${chain}`, writer => {
      writer.attribute(1, () => writer.text(table));
      writer.attribute(2, () => writer.text(chain));
    });
  }

  deleteRule(family: TableFamily, table: string, chain: string, handle: bigint): this {
    return this.#add(NFT_MSG_DELRULE, 0, family, `delete rule of ${table} ${chain}`, writer => {
      writer.attribute(1, () => writer.text(table));
      writer.attribute(2, () => writer.text(chain));
      writer.attribute(3, () => writer.be64(handle));
    });
  }

  addSet(family: TableFamily, table: string, layout: SetLayout): this {
    const { name, key, data } = layout;
    return this.#add(NFT_MSG_NEWSET, NLM_F_CREATE, family, `add set ${name}`, writer => {
      writer.attribute(1, () => writer.text(table));
      writer.attribute(2, () => writer.text(name));
      writer.attribute(3, () => writer.be32(data ? NFT_SET_MAP : 0));
      writer.attribute(4, () => writer.be32(layoutId(key)));
      writer.attribute(5, () => writer.be32(layoutLength(key)));
      if (data === 'verdict') {
        writer.attribute(6, () => writer.be32(NFT_DATA_VERDICT));
      } else if (data) {
        writer.attribute(6, () => writer.be32(layoutId(data)));
        writer.attribute(7, () => writer.be32(layoutLength(data)));
      }
      writer.attribute(10, () => writer.be32(this.#setId++));
      if (key.length === 1 && key[0] === 'ifname') writer.attribute(13, () => writer.raw(HOST_ORDER_KEY));
    });
  }

  addElements(family: TableFamily, table: string, set: string, elements: readonly SetElement[]): this {
    return this.#elements(NFT_MSG_NEWSETELEM, NLM_F_CREATE, family, table, set, elements);
  }

  deleteElements(family: TableFamily, table: string, set: string, elements: readonly SetElement[]): this {
    return this.#elements(NFT_MSG_DELSETELEM, 0, family, table, set, elements);
  }

  flushSet(family: TableFamily, table: string, set: string): this {
    return this.#add(NFT_MSG_DELSETELEM, 0, family, `flush ${table} ${set}`, writer => {
      writer.attribute(1, () => writer.text(table));
      writer.attribute(2, () => writer.text(set));
    });
  }

  #elements(
    type: number,
    flags: number,
    family: TableFamily,
    table: string,
    set: string,
    elements: readonly SetElement[],
  ): this {
    // The list is one attribute, whose length has sixteen bits.
    for (let at = 0; at < elements.length; at += 256) {
      const some = elements.slice(at, at + 256);
      this.#add(type, flags, family, `elements of ${table} ${set}`, writer => {
        writer.attribute(1, () => writer.text(table));
        writer.attribute(2, () => writer.text(set));
        writer.nested(3, () => {
          for (const element of some) writer.nested(1, () => writeElement(writer, element));
        });
      });
    }
    return this;
  }

  #add(type: number, flags: number, family: TableFamily, subject: string, body: (writer: MessageWriter) => void): this {
    this.messages.push({
      type: (NFNL_SUBSYS_NFTABLES << 8) | type,
      flags: flags | NLM_F_ACK,
      subject,
      body: writer => {
        writer.u8(FAMILIES[family]).u8(0).be16(0);
        body(writer);
      },
    });
    return this;
  }
}

function writeElement(writer: MessageWriter, { key, data }: SetElement): void {
  writer.nested(1, () => writer.attribute(NFTA_DATA_VALUE, () => writer.raw(key)));
  if (data === undefined) return;
  writer.nested(2, () => {
    if (data instanceof Uint8Array) writer.attribute(NFTA_DATA_VALUE, () => writer.raw(data));
    else writeVerdict(writer, data);
  });
}

/** Tells `nft list` how to read the names of interfaces. */
const HOST_ORDER_KEY = Buffer.from([0, 4, 1, 0, 0, 0]);

/** As `nft` stores what stands behind `comment`. */
function commentData(comment: string): Buffer {
  const text = Buffer.from(`${comment}\0`);
  return Buffer.concat([Buffer.from([0, text.length]), text]);
}

export interface ForeignChain extends BaseChain {
  family: TableFamily;
  table: string;
  chain: string;
  /** Never given again in the same table, also not to a chain of the same name. */
  handle: bigint;
}

export interface ForeignRule {
  handle: bigint;
  /** What happens to every packet that comes to this rule, if that is to end here or to go elsewhere. */
  always: 'drop' | { jump: string } | undefined;
  /** The chain that it leads to, be it under conditions. */
  jump: string | undefined;
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
    return this.#rules(family, table, chain).map(payload => {
      const attributes = attributesOf(payload.subarray(4));
      const expressions = attributes.get(4);
      const handle = attributes.get(3)?.readBigUInt64BE(0) ?? 0n;
      return { handle, always: unconditionalVerdict(expressions), jump: jumpOf(expressions) };
    });
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

/** Becomes readable when anybody changes the rules of this namespace. */
export class RulesetChanges implements Disposable {
  readonly #netlink = NetlinkSocket.open(NETLINK_NETFILTER, 1 << (NFNLGRP_NFTABLES - 1));

  get descriptor(): number {
    return this.#netlink.descriptor;
  }

  /** Always something. */
  drain(): boolean {
    this.#netlink.drain();
    return true;
  }

  [Symbol.dispose](): void {
    this.#netlink[Symbol.dispose]();
  }
}

/** Expressions that every packet passes; iptables has comments as a match. */
const PASSED_BY_ALL: ReadonlySet<string> = new Set(['counter', 'log', 'match comment']);

function unconditionalVerdict(expressions: Buffer | undefined): ForeignRule['always'] {
  if (!expressions) return undefined;
  for (const [, element] of eachAttribute(expressions)) {
    const attributes = attributesOf(element);
    const name = textOf(attributes.get(1));
    const data = attributesOf(attributes.get(2) ?? Buffer.alloc(0));
    // Extensions of iptables have their own name inside.
    const extension = name === 'match' || name === 'target' ? `${name} ${textOf(data.get(1))}` : name;
    if (extension === 'reject' || extension === 'target REJECT' || extension === 'target DROP') return 'drop';
    if (name === 'immediate') return verdictOf(data.get(2));
    if (!PASSED_BY_ALL.has(extension)) return undefined;
  }
  return undefined;
}

function jumpOf(expressions: Buffer | undefined): string | undefined {
  for (const [, element] of eachAttribute(expressions ?? Buffer.alloc(0))) {
    const attributes = attributesOf(element);
    const data = attributes.get(2);
    if (!data || textOf(attributes.get(1)) !== 'immediate') continue;
    const verdict = verdictOf(attributesOf(data).get(2));
    if (typeof verdict === 'object') return verdict.jump;
  }
  return undefined;
}

function verdictOf(data: Buffer | undefined): ForeignRule['always'] {
  const verdict = data && attributesOf(data).get(NFTA_DATA_VERDICT);
  if (!verdict) return undefined;
  const attributes = attributesOf(verdict);
  const code = attributes.get(1)?.readUInt32BE(0);
  if (code === NF_DROP) return 'drop';
  return code === NFT_JUMP ? { jump: textOf(attributes.get(2)) } : undefined;
}
