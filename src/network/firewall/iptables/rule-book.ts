// The rules that are to be, and what has changed since they were written last. One rule may have several reasons to be there:
// it goes with the last of them.
import type { Rule } from './chains.ts';

export interface RuleChange {
  rule: Rule;
  action: 'add' | 'delete';
}

export class RuleBook {
  readonly #rules = new Map<string, { rule: Rule; reasons: number }>();
  readonly #changes = new Map<string, RuleChange>();

  get rules(): Rule[] {
    return [...this.#rules.values()].map(({ rule }) => rule);
  }

  get isEmpty(): boolean {
    return this.#rules.size === 0;
  }

  get hasChanges(): boolean {
    return this.#changes.size > 0;
  }

  add(rules: readonly Rule[]): void {
    for (const rule of rules) {
      const key = keyOf(rule);
      const known = this.#rules.get(key);
      if (known) {
        known.reasons++;
      } else {
        this.#rules.set(key, { rule, reasons: 1 });
        this.#note(key, { rule, action: 'add' });
      }
    }
  }

  remove(rules: readonly Rule[]): void {
    for (const rule of rules) {
      const key = keyOf(rule);
      const known = this.#rules.get(key);
      if (!known) continue;
      if (--known.reasons > 0) continue;
      this.#rules.delete(key);
      this.#note(key, { rule, action: 'delete' });
    }
  }

  clear(): void {
    this.#rules.clear();
    this.#changes.clear();
  }

  /** They are being written. */
  takeChanges(): RuleChange[] {
    const changes = [...this.#changes.values()];
    this.#changes.clear();
    return changes;
  }

  /** What came and went again was never written. */
  #note(key: string, change: RuleChange): void {
    const before = this.#changes.get(key);
    if (before && before.action !== change.action) this.#changes.delete(key);
    else this.#changes.set(key, change);
  }
}

const keyOf = ({ table, chain, text }: Rule) => `${table} ${chain} ${text}`;
