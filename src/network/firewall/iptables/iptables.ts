// The rules by iptables, for kernels without nf_tables, or for who wants it so. A change is noted at once and written by a process
// soon after, together with what else was changed meanwhile; who needs it written waits until it has settled.
import { kernelHasNftables, NftSocket } from '../../../kernel/nftables/socket.ts';
import { messageOf } from '../../../lib/errors.ts';
import { log } from '../../../lib/logger.ts';
import { type Family, requireAddress } from '../../addresses.ts';
import type {
  Firewall,
  FirewallLink,
  FirewallNetwork,
  FirewallOptions,
  FirewallPort,
  FirewallSender,
  FirewallState,
} from '../firewall.ts';
import { OtherFirewalls } from '../others/other-firewalls.ts';
import { chainNames, type Rule } from './chains.ts';
import { FamilyRules } from './family-rules.ts';
import { OwnRules } from './own-rules.ts';
import { linkRules, networkRules, outsideRules, portRules, type RuleOptions, senderRules } from './rules.ts';

/** Between two times that all is written anew, should somebody insist on taking it away. */
const REST_MS = 4000;

export class IptablesFirewall implements Firewall {
  readonly #socket = kernelHasNftables() ? new NftSocket() : undefined;
  readonly #families: readonly FamilyRules[];
  readonly #rules: RuleOptions;
  readonly #networks = new Map<string, FirewallNetwork>();
  readonly #own: OwnRules;
  readonly #others: OtherFirewalls;
  #outside: readonly string[] = [];
  #work: Promise<void> | undefined;
  #restoredAt = Number.NEGATIVE_INFINITY;

  constructor({ owner, allowDirectRouting, families }: FirewallOptions) {
    const chain = chainNames(owner);
    this.#families = families.map(family => new FamilyRules(family, chain));
    this.#rules = { chain, allowDirectRouting };
    this.#own = new OwnRules(this.#socket, families);
    this.#others = new OtherFirewalls({
      socket: this.#socket,
      owner,
      place: this.#own,
      rulesChanged: () => this.#restoreUnless(rules => this.#own.hasJumps(rules)),
      look: () => this.#restoreUnless(rules => this.#own.isWhole(rules)),
      surroundingsChanged: ({ outside }) => this.#moved(outside),
    });
  }

  reset({ networks, ports, links, senders }: FirewallState): void {
    this.#networks.clear();
    this.#others.accept(networks.map(({ bridge }) => bridge));
    for (const network of networks) this.#networks.set(network.bridge, network);
    for (const rules of this.#families) {
      rules.reset([
        ...networks.flatMap(network => this.#ofNetwork(network, rules.family)),
        ...this.#ofPorts(ports, rules.family),
        ...this.#ofLinks(links, rules.family),
        ...this.#ofSenders(senders, rules.family),
      ]);
    }
    this.#write();
  }

  addNetwork(network: FirewallNetwork): void {
    this.#others.accept([...this.#networks.keys(), network.bridge]);
    this.#networks.set(network.bridge, network);
    this.#change('add', family => this.#ofNetwork(network, family));
  }

  removeNetwork(network: FirewallNetwork): void {
    this.#networks.delete(network.bridge);
    this.#change('remove', family => this.#ofNetwork(network, family));
    this.#others.accept(this.#networks.keys());
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

  addSenders(senders: readonly FirewallSender[]): void {
    this.#change('add', family => this.#ofSenders(senders, family));
  }

  removeSenders(senders: readonly FirewallSender[]): void {
    this.#change('remove', family => this.#ofSenders(senders, family));
  }

  dropForwarded(family: Family): void {
    this.#families.find(rules => rules.family === family)?.close();
  }

  settled(): Promise<void> | undefined {
    this.#write();
    this.#others.check();
    const waiting = [this.#work, this.#others.settled].filter(work => work !== undefined);
    return waiting.length === 0 ? undefined : Promise.all(waiting).then(() => undefined);
  }

  remove(): ReadonlySet<Family> {
    this.#networks.clear();
    this.#others.remove();
    this.#others[Symbol.dispose]();
    return new Set(this.#families.filter(rules => rules.takeAway()).map(({ family }) => family));
  }

  [Symbol.dispose](): void {
    this.#others[Symbol.dispose]();
    this.#socket?.[Symbol.dispose]();
  }

  /** Who flushes the host's rules takes ours too. */
  #restoreUnless(isThere: (rules: FamilyRules) => boolean): void {
    if (this.#work) return;
    const lacking = this.#families.filter(rules => rules.isDue || !isThere(rules));
    if (lacking.length === 0 || performance.now() < this.#restoredAt + REST_MS) return;
    this.#restoredAt = performance.now();
    for (const rules of lacking) {
      if (rules.isDue) continue;
      log.warn('somebody has taken rules of the engine away: they are made anew', { family: rules.family });
      rules.forget();
    }
    this.#write();
  }

  #moved(outside: readonly string[]): void {
    const before = this.#outside;
    this.#outside = outside;
    for (const rules of this.#families) {
      for (const network of this.#networks.values()) {
        rules.add(outsideRules(network, rules.family, this.#outside, this.#rules));
        rules.remove(outsideRules(network, rules.family, before, this.#rules));
      }
    }
    this.#write();
  }

  #ofNetwork(network: FirewallNetwork, family: Family): Rule[] {
    return [
      ...networkRules(network, family, this.#rules),
      ...outsideRules(network, family, this.#outside, this.#rules),
    ];
  }

  #change(action: 'add' | 'remove', rulesOf: (family: Family) => readonly Rule[]): void {
    for (const rules of this.#families) rules[action](rulesOf(rules.family));
    this.#write();
  }

  #ofPorts(ports: readonly FirewallPort[], family: Family): Rule[] {
    return ports
      .filter(({ containerAddress }) => requireAddress(containerAddress).family === family)
      .flatMap(port => portRules(port, this.#rules));
  }

  #ofLinks(links: readonly FirewallLink[], family: Family): Rule[] {
    return family === 4 ? links.flatMap(link => linkRules(link, this.#rules)) : [];
  }

  #ofSenders(senders: readonly FirewallSender[], family: Family): Rule[] {
    return senders
      .filter(({ address }) => requireAddress(address).family === family)
      .flatMap(sender => senderRules(sender, this.#rules));
  }

  #write(): void {
    if (this.#work || !this.#families.some(rules => rules.isDue)) return;
    const work = this.#writeAll().finally(() => {
      this.#work = undefined;
    });
    this.#work = work;
    // Also when nobody waits; what is left undone is tried again, with the next change or a little later.
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
