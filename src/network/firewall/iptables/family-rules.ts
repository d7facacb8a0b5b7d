// The rules of one address family: what they are to be, and what the kernel has of it as far as we know.

import { messageOf } from '../../../lib/errors.ts';
import { log } from '../../../lib/logger.ts';
import type { Family } from '../../addresses.ts';
import { type ChainNames, type Layout, layouts, type Rule, type Table } from './chains.ts';
import { runIptables, runIptablesSync } from './programs.ts';
import { RuleBook } from './rule-book.ts';
import { changeScript, hasAnything, parseSaved, removalScript, wholeScript } from './scripts.ts';

/** What the kernel has. */
export interface KernelChains {
  /** Undefined where there is no such chain. */
  lengthOf(table: Table, chain: string): number | undefined;
  leadsTo(table: Table, from: string, chain: string): boolean;
}

export class FamilyRules {
  readonly #book = new RuleBook();
  readonly #layouts: readonly Layout[];
  #state: 'unknown' | 'absent' | 'made' = 'absent';
  #closed = false;

  constructor(
    readonly family: Family,
    private readonly chains: ChainNames,
  ) {
    this.#layouts = layouts(family, chains);
  }

  /** Something is still to be written. */
  get isDue(): boolean {
    return this.#state === 'unknown' || this.#book.hasChanges;
  }

  /** Whatever the kernel has, it is to have these. */
  reset(rules: readonly Rule[]): void {
    this.#book.clear();
    this.#book.add(rules);
    this.#state = 'unknown';
  }

  /** What was written leads to our chains still. True as long as nothing is written. */
  hasJumps(kernel: KernelChains): boolean {
    if (this.#state !== 'made') return true;
    return this.#layouts.every(({ table, jumps }) =>
      jumps.every(({ base, chain }) => kernel.leadsTo(table, base, chain)),
    );
  }

  /** And our chains are as long as they should be. Not to be asked while something is due. */
  isWhole(kernel: KernelChains): boolean {
    if (this.#state !== 'made') return true;
    const { rules } = this.#book;
    const areWhole = this.#layouts.every(({ table, chains, fixed }) => {
      const ours = [...fixed, ...rules.filter(rule => rule.table === table)];
      const wanted = Map.groupBy(ours, ({ chain }) => chain);
      return chains.every(chain => kernel.lengthOf(table, chain) === (wanted.get(chain)?.length ?? 0));
    });
    const isClosed = !this.#closed || kernel.lengthOf('filter', this.chains.closed) !== undefined;
    return areWhole && isClosed && this.hasJumps(kernel);
  }

  /** Somebody has taken something away: all is to be written anew. */
  forget(): void {
    this.#state = 'unknown';
  }

  add(rules: readonly Rule[]): void {
    this.#book.add(rules);
  }

  remove(rules: readonly Rule[]): void {
    this.#book.remove(rules);
  }

  async write(): Promise<void> {
    if (!this.isDue) return;
    if (this.#state === 'made' && (await this.#writeChanges())) return;
    this.#state = 'unknown';
    const saved = parseSaved(await runIptables(this.family, 'save'));
    this.#closed ||= saved.get('filter')?.chains.has(this.chains.closed) ?? false;
    this.#book.takeChanges();
    if (this.#book.isEmpty && !hasAnything(saved, this.chains)) {
      // Most hosts never have anything in IPv6.
      this.#state = 'absent';
      return;
    }
    const closed = { chain: this.chains.closed, is: this.#closed };
    await runIptables(this.family, 'restore', wholeScript(this.#layouts, this.#book.rules, saved, closed));
    this.#state = 'made';
  }

  async #writeChanges(): Promise<boolean> {
    try {
      await runIptables(this.family, 'restore', changeScript(this.#layouts, this.#book.takeChanges()));
      return true;
    } catch (error) {
      log.info('the rules of the host are not what they were: ours are made anew', { reason: messageOf(error) });
      return false;
    }
  }

  /** At once: the next thing that happens is that the host forwards. */
  close(): void {
    if (this.#closed) return;
    const filter = parseSaved(runIptablesSync(this.family, 'save')).get('filter');
    // That somebody else has decided is not ours to end.
    if (filter?.forwardPolicy === 'DROP' && !filter.chains.has(this.chains.closed)) return;
    runIptablesSync(this.family, 'restore', `*filter\n:FORWARD DROP [0:0]\n:${this.chains.closed} - [0:0]\nCOMMIT\n`);
    this.#closed = true;
  }

  /** Nothing is left. Whether strangers were not routed for. */
  takeAway(): boolean {
    const saved = parseSaved(runIptablesSync(this.family, 'save'));
    const closed = saved.get('filter')?.chains.has(this.chains.closed) ?? false;
    const script = removalScript(saved, this.chains);
    if (script !== '') runIptablesSync(this.family, 'restore', script);
    this.#book.clear();
    this.#state = 'absent';
    this.#closed = false;
    return closed;
  }
}
