// The rules by iptables, for kernels without nf_tables. A change is noted at once and written by a process soon after, together
// with what else was changed meanwhile; who needs it written waits until it has settled.
import { messageOf } from '../../../lib/errors.ts';
import { log } from '../../../lib/logger.ts';
import type { Family } from '../../addresses.ts';
import type {
  Firewall,
  FirewallLink,
  FirewallNetwork,
  FirewallOptions,
  FirewallPort,
  FirewallState,
} from '../firewall.ts';
import { chainNames, type Rule } from './chains.ts';
import { FamilyRules } from './family-rules.ts';
import { familyOfPort, linkRules, networkRules, portRules, type RuleOptions } from './rules.ts';

export class IptablesFirewall implements Firewall {
  readonly #families: readonly FamilyRules[];
  readonly #rules: RuleOptions;
  #work: Promise<void> | undefined;

  constructor({ owner, allowDirectRouting, families }: FirewallOptions) {
    const chain = chainNames(owner);
    this.#families = families.map(family => new FamilyRules(family, chain));
    this.#rules = { chain, allowDirectRouting };
  }

  reset({ networks, ports, links }: FirewallState): void {
    for (const rules of this.#families) {
      rules.reset([
        ...networks.flatMap(network => networkRules(network, rules.family, this.#rules)),
        ...this.#ofPorts(ports, rules.family),
        ...this.#ofLinks(links, rules.family),
      ]);
    }
    this.#write();
  }

  addNetwork(network: FirewallNetwork): void {
    this.#change('add', family => networkRules(network, family, this.#rules));
  }

  removeNetwork(network: FirewallNetwork): void {
    this.#change('remove', family => networkRules(network, family, this.#rules));
  }

  addPorts(ports: readonly FirewallPort[]): void {
    this.#change('add', family => this.#ofPorts(ports, family));
  }

  removePorts(ports: readonly FirewallPort[]): void {
    this.#change('remove', family => this.#ofPorts(ports, family));
  }

  addLinks(links: readonly FirewallLink[]): void {
    this.#change('add', family => this.#ofLinks(links, family));
  }

  removeLinks(links: readonly FirewallLink[]): void {
    this.#change('remove', family => this.#ofLinks(links, family));
  }

  dropForwarded(family: Family): void {
    this.#families.find(rules => rules.family === family)?.close();
  }

  settled(): Promise<void> | undefined {
    this.#write();
    return this.#work;
  }

  remove(): ReadonlySet<Family> {
    return new Set(this.#families.filter(rules => rules.takeAway()).map(({ family }) => family));
  }

  [Symbol.dispose](): void {
    // Nothing is held between two changes.
  }

  #change(action: 'add' | 'remove', rulesOf: (family: Family) => readonly Rule[]): void {
    for (const rules of this.#families) rules[action](rulesOf(rules.family));
    this.#write();
  }

  #ofPorts(ports: readonly FirewallPort[], family: Family): Rule[] {
    return ports.filter(port => familyOfPort(port) === family).flatMap(port => portRules(port, this.#rules));
  }

  #ofLinks(links: readonly FirewallLink[], family: Family): Rule[] {
    return family === 4 ? links.flatMap(link => linkRules(link, this.#rules)) : [];
  }

  #write(): void {
    if (this.#work || !this.#families.some(rules => rules.isDue)) return;
    const work = this.#writeAll().finally(() => {
      this.#work = undefined;
    });
    this.#work = work;
    // Also when nobody waits; what is left undone is tried again with the next change.
    work.catch(error => log.warn('could not write the rules of the firewall', { error: messageOf(error) }));
  }

  async #writeAll(): Promise<void> {
    // All that is changed now goes into one transaction.
    await Promise.resolve();
    while (this.#families.some(rules => rules.isDue)) {
      const written = await Promise.allSettled(this.#families.map(rules => rules.write()));
      for (const result of written) if (result.status === 'rejected') throw result.reason;
    }
  }
}
