// What the kernel has of our rules, read without a program: in nf_tables, or in the tables of the older iptables.

import type { TableFamily } from '../../../kernel/nftables/protocol.ts';
import type { ForeignChain, NftSocket } from '../../../kernel/nftables/socket.ts';
import { readTable, tableShape } from '../../../kernel/xtables.ts';
import type { Family } from '../../addresses.ts';
import type { OwnPlace } from '../others/own-place.ts';
import { TABLES, type Table } from './chains.ts';
import type { FamilyRules, KernelChains } from './family-rules.ts';
import { iptablesKind } from './programs.ts';

const FAMILY = { 4: 'ip', 6: 'ip6' } as const;

export class OwnRules implements OwnPlace {
  readonly #kinds = new Map<Family, 'newer' | 'older' | undefined>();
  /** Of the older iptables' tables when all was as it should be. */
  readonly #shapes = new Map<Family, string>();
  /** In nf_tables, somebody has changed something since all was as it should be. */
  readonly #noticed = new Set<Family>();

  constructor(
    private readonly socket: NftSocket | undefined,
    private readonly families: readonly Family[],
  ) {}

  isOwn({ family, table, chain }: ForeignChain): boolean {
    if (family === 'inet') return false;
    const version = family === 'ip' ? 4 : 6;
    // Where we have no rules to judge by, nothing is opened either.
    if (!this.families.includes(version)) return true;
    return table === 'filter' && chain === 'FORWARD' && this.#kindOf(version) === 'newer';
  }

  olderOfOthers(): readonly Family[] {
    return this.families.filter(family => this.#kindOf(family) === 'newer');
  }

  /** Told of a change in nf_tables: whether what leads to our chains is there still. */
  hasJumps(rules: FamilyRules): boolean {
    const { family } = rules;
    if (this.#kindOf(family) !== 'newer') return true;
    this.#noticed.add(family);
    return rules.hasJumps(this.#chainsOf(family));
  }

  /** Costs next to nothing where nothing has changed since it was so. */
  isWhole(rules: FamilyRules): boolean {
    const { family } = rules;
    if (this.#kindOf(family) === 'newer') {
      if (!this.#noticed.has(family)) return true;
      const isWhole = rules.isWhole(this.#chainsOf(family));
      if (isWhole) this.#noticed.delete(family);
      return isWhole;
    }
    const shape = TABLES.map(table => tableShape(family, table)).join();
    if (shape === this.#shapes.get(family)) return true;
    const isWhole = rules.isWhole(this.#chainsOf(family));
    if (isWhole) this.#shapes.set(family, shape);
    return isWhole;
  }

  #kindOf(family: Family): 'newer' | 'older' | undefined {
    if (!this.#kinds.has(family)) this.#kinds.set(family, iptablesKind(family));
    return this.#kinds.get(family);
  }

  #chainsOf(family: Family): KernelChains {
    const { socket } = this;
    if (socket && this.#kindOf(family) === 'newer') return chainsOfNewer(socket, FAMILY[family]);
    const read = remembered((table: Table) => readTable(family, table));
    return {
      lengthOf: (table, chain) => read(table)?.get(chain)?.rules.length,
      leadsTo: (table, from, chain) =>
        read(table)
          ?.get(from)
          ?.rules.some(({ jump }) => jump === chain) ?? false,
    };
  }
}

function chainsOfNewer(socket: NftSocket, family: TableFamily): KernelChains {
  const chains = remembered((table: Table) => socket.chains(family, table));
  return {
    lengthOf: (table, chain) => (chains(table).has(chain) ? socket.ruleCount(family, table, chain) : undefined),
    leadsTo: (table, from, chain) => socket.rules(family, table, from).some(({ jump }) => jump === chain),
  };
}

function remembered<K, V>(make: (key: K) => V): (key: K) => V {
  const made = new Map<K, V>();
  return key => {
    if (!made.has(key)) made.set(key, make(key));
    return made.get(key) as V;
  };
}
