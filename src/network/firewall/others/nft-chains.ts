// Chains of others in nf_tables, those of the newer iptables among them: whose rules it can still show and change only if ours are
// made of what it knows.

import { expression as x } from '../../../kernel/nftables/expression.ts';
import type { ForeignRule } from '../../../kernel/nftables/foreign-rule.ts';
import type { ForeignChain, NftSocket } from '../../../kernel/nftables/socket.ts';
import { Transaction } from '../../../kernel/nftables/transaction.ts';
import { errnoOf, messageOf } from '../../../lib/errors.ts';
import { log } from '../../../lib/logger.ts';
import { interfaceName } from '../nftables-rules.ts';
import { type Passage, type PassageRule, passageChains, signatureOf } from './passage.ts';

interface ForwardChain extends ForeignChain {
  rules: ForeignRule[];
}

export interface LockedTable {
  table: string;
  /** Changes when its chains are made anew. */
  state: string;
}

export class NftChains {
  /** What our chains of a table have been filled with. */
  readonly #written = new Map<string, string>();

  constructor(
    private readonly socket: NftSocket,
    private readonly owner: string,
    /** Whether the chain has rules of ours for what it is. */
    private readonly isOwn: (chain: ForeignChain) => boolean,
  ) {}

  /** Every chain that drops lets us pass, and no other has rules of ours. Returns the tables that we may not change. */
  complete(passage: Passage): LockedTable[] {
    return this.#tables()
      .filter(chains => !this.#attempt(() => this.#completeTable(chains, passage)))
      .map(chains => this.#lockOf(chains));
  }

  #lockOf(chains: readonly ForwardChain[]): LockedTable {
    const { family, table } = chains[0]!;
    return { table, state: [this.socket.tableHandle(family, table), ...chains.map(({ handle }) => handle)].join() };
  }

  remove(): void {
    for (const chains of this.#tables()) this.#attempt(() => this.#takeOut(chains));
  }

  /** One table must not keep us from the others. False where we are not allowed to. */
  #attempt(work: () => void): boolean {
    try {
      work();
    } catch (error) {
      if (errnoOf(error) === 'EPERM') return false;
      // It changed again while we looked; that will be told too.
      log.debug('could not complete the rules in chains of others', { error: messageOf(error) });
    }
    return true;
  }

  /** Their chains of the forward hook, by table. */
  #tables(): ForwardChain[][] {
    const tables = new Map<string, ForwardChain[]>();
    for (const chain of this.socket.baseChains()) {
      if (chain.hook !== 'forward' || chain.type !== 'filter' || this.isOwn(chain)) continue;
      const forward = { ...chain, rules: this.socket.rules(chain.family, chain.table, chain.chain) };
      const key = keyOf([forward]);
      tables.set(key, [...(tables.get(key) ?? []), forward]);
    }
    return [...tables.values()];
  }

  #completeTable(chains: readonly ForwardChain[], passage: Passage): void {
    const dropping = passage.bridges.length === 0 ? [] : chains.filter(drops);
    if (dropping.length === 0) {
      this.#takeOut(chains);
      return;
    }
    const isWhole = chains.every(chain => this.#jumps(chain).length === (dropping.includes(chain) ? 1 : 0));
    if (isWhole && this.#written.get(keyOf(chains)) === signatureOf(passage) && this.#isUntouched(chains[0]!, passage))
      return;
    const transaction = new Transaction();
    const { family, table } = chains[0]!;
    const ours = [...passageChains(this.owner, passage)];
    for (const [chain] of ours) transaction.addChain(family, table, chain).flushChain(family, table, chain);
    for (const [chain, rules] of ours) {
      for (const rule of rules) transaction.addRule({ family, table, chain }, expressionsOf(rule));
    }
    for (const chain of chains) {
      this.#deleteJumps(transaction, chain);
      if (!dropping.includes(chain)) continue;
      const jump = [x.counter(), x.verdict({ jump: this.owner })];
      transaction.addRule({ family, table, chain: chain.chain }, jump, { first: true });
    }
    this.socket.commit(transaction);
    this.#written.set(keyOf(chains), signatureOf(passage));
  }

  /** As far as a look at their number tells. */
  #isUntouched({ family, table }: ForwardChain, passage: Passage): boolean {
    const ours = [...passageChains(this.owner, passage)];
    try {
      return ours.every(([chain, rules]) => this.socket.rules(family, table, chain).length === rules.length);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return false;
      throw error;
    }
  }

  #takeOut(chains: readonly ForwardChain[]): void {
    const isThere = this.#written.delete(keyOf(chains)) || chains.some(chain => this.#jumps(chain).length > 0);
    if (!isThere) return;
    const transaction = new Transaction();
    for (const chain of chains) this.#deleteJumps(transaction, chain);
    const { family, table } = chains[0]!;
    const ours = [...passageChains(this.owner, { bridges: [], outside: [] }).keys()];
    // Adding what is there already does nothing, so that deleting it always works.
    for (const chain of ours) transaction.addChain(family, table, chain).flushChain(family, table, chain);
    for (const chain of ours) transaction.deleteChain(family, table, chain);
    this.socket.commit(transaction);
  }

  #jumps({ rules }: ForwardChain): ForeignRule[] {
    return rules.filter(({ jump }) => jump === this.owner);
  }

  #deleteJumps(transaction: Transaction, chain: ForwardChain): void {
    const { family, table, chain: name } = chain;
    for (const { handle } of this.#jumps(chain)) transaction.deleteRule(family, table, name, handle);
  }
}

const keyOf = ([chain]: readonly ForwardChain[]) => `${chain!.family} ${chain!.table}`;

/** By its policy, or by a last rule that nothing gets past. */
const drops = ({ policy, rules }: ForwardChain) => policy === 'drop' || rules.at(-1)?.always === 'drop';

function expressionsOf({ direction, link, to }: PassageRule) {
  return [
    x.meta(direction === 'in' ? 'iifname' : 'oifname'),
    x.compare('eq', interfaceName(link)),
    x.counter(),
    x.verdict(to),
  ];
}
