// A packet must pass every chain of the forward hook. What our own chain has let through is accepted first thing in those that
// would drop it: of Docker, firewalld, ufw, or another engine. They may come after us, or be made anew: changes are watched.
import type { Socket } from 'bun';
import { type ForeignChain, type NftSocket, RulesetChanges, Transaction, expression as x } from '../kernel/nftables.ts';
import { readinessOf } from '../kernel/sockets.ts';
import { messageOf } from '../lib/errors.ts';
import { log } from '../lib/logger.ts';
import { watchDescriptor } from '../lib/socket.ts';
import { interfaceName } from './firewall/nftables-rules.ts';
import { acceptInLegacy, dropFromLegacy } from './legacy-iptables.ts';

/** Its chain accepts by policy and rejects by its last rule. */
const FIREWALLD_TABLE = 'firewalld';
/** Others make their rules in several steps, and so do we. */
const SETTLE_MS = 100;

export class OtherFirewalls implements Disposable {
  readonly #bridges = new Set<string>();
  #changes: RulesetChanges | undefined;
  #watcher: Socket<undefined> | undefined;
  #timer: Timer | undefined;

  constructor(
    private readonly socket: NftSocket,
    /** Our table's name, which the comments begin with. */
    private readonly owner: string,
    /** Called when anybody has changed rules of the host. */
    private readonly changed: () => void,
  ) {}

  accept(bridge: string): void {
    this.#bridges.add(bridge);
    this.#complete();
    acceptInLegacy(bridge, this.owner);
    this.#watch();
  }

  /** One bridge, or all. */
  forget(bridge?: string): void {
    if (bridge === undefined) this.#bridges.clear();
    else this.#bridges.delete(bridge);
    const isOurs = (comment: string) =>
      bridge === undefined ? comment.startsWith(`${this.owner} `) : comment === this.#comment(bridge);
    const transaction = new Transaction();
    for (const chain of this.#forwardChains()) {
      const { family, table, chain: name } = chain;
      for (const { handle, comment } of this.socket.rules(family, table, name)) {
        if (isOurs(comment)) transaction.deleteRule(family, table, name, handle);
      }
    }
    this.socket.commit(transaction);
    dropFromLegacy(this.owner, bridge);
  }

  #comment(bridge: string): string {
    return `${this.owner} ${bridge}`;
  }

  #forwardChains(): ForeignChain[] {
    return this.socket.baseChains().filter(({ hook, table }) => hook === 'forward' && table !== this.owner);
  }

  /** Every chain that drops has the rules of every bridge. */
  #complete(): void {
    const transaction = new Transaction();
    for (const chain of this.#forwardChains()) {
      if (chain.type !== 'filter' || (chain.policy !== 'drop' && chain.table !== FIREWALLD_TABLE)) continue;
      const { family, table, chain: name } = chain;
      const present = new Set(this.socket.rules(family, table, name).map(({ comment }) => comment));
      for (const bridge of this.#bridges) {
        if (present.has(this.#comment(bridge))) continue;
        for (const direction of ['oifname', 'iifname'] as const) {
          transaction.addRule(
            { family, table, chain: name },
            [x.meta(direction), x.compare('eq', interfaceName(bridge)), x.counter(), x.verdict('accept')],
            { first: true, comment: this.#comment(bridge) },
          );
        }
      }
    }
    this.socket.commit(transaction);
  }

  #watch(): void {
    if (this.#changes) return;
    const changes = new RulesetChanges();
    this.#changes = changes;
    const next = () => {
      watchDescriptor(readinessOf(changes.descriptor), {
        data: () => undefined,
        error: () => undefined,
        close: () => {
          if (this.#changes !== changes) return;
          this.#timer = setTimeout(() => {
            changes.drain();
            this.#repair();
            next();
          }, SETTLE_MS);
        },
      }).then(
        watcher => {
          if (this.#changes !== changes) watcher.terminate();
          else this.#watcher = watcher;
        },
        error => log.warn('could not watch the rules of others', { error: messageOf(error) }),
      );
    };
    next();
  }

  #repair(): void {
    try {
      this.changed();
      this.#complete();
    } catch (error) {
      // It changed again while we looked; that will be told too.
      log.debug('could not complete the rules in chains of others', { error: messageOf(error) });
    }
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    const changes = this.#changes;
    this.#changes = undefined;
    this.#watcher?.terminate();
    changes?.[Symbol.dispose]();
  }
}
