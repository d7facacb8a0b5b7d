// A packet must pass every chain of the forward hook. What our own chain has let through must get through those that would drop
// it: of Docker, firewalld, ufw, or another engine. They may come after us, or be made anew: changes are watched.

import { RulesetChanges } from '../../../kernel/nftables/changes.ts';
import type { NftSocket } from '../../../kernel/nftables/socket.ts';
import { messageOf } from '../../../lib/errors.ts';
import { log } from '../../../lib/logger.ts';
import { FAMILY } from '../nftables-rules.ts';
import { Firewalld } from './firewalld.ts';
import { type LockedTable, NftChains } from './nft-chains.ts';
import type { OwnPlace } from './own-place.ts';
import type { Surroundings } from './surroundings.ts';
import { SurroundingsWatch } from './surroundings-watch.ts';
import { Watch } from './watch.ts';
import { XtablesChains } from './xtables-chains.ts';

const FIREWALLD = 'firewalld';
/** Of the older iptables' rules, whose changes are not told. */
const LOOK_MS = 5000;

export interface OtherFirewallsOptions {
  /** Undefined where the kernel has no nf_tables. */
  socket: NftSocket | undefined;
  /** What our chains are named by. */
  owner: string;
  place: OwnPlace;
  /** Called when anybody has changed rules in nf_tables. */
  rulesChanged(): void;
  /** Called now and then, for changes that nobody tells of. */
  look(): void;
  /** Called when what lies around the bridges is not what it was. */
  surroundingsChanged(now: Surroundings): void;
}

export class OtherFirewalls implements Disposable {
  readonly #bridges = new Set<string>();
  readonly #nft: NftChains | undefined;
  readonly #xtables: XtablesChains;
  readonly #firewalld = new Firewalld();
  /** Of which it was said that they let nobody change them. */
  readonly #locked = new Set<string>();
  readonly #surroundings: SurroundingsWatch;
  #rules: Watch | undefined;
  #timer: Timer | undefined;

  constructor(private readonly options: OtherFirewallsOptions) {
    const { socket, owner, place } = options;
    this.#nft = socket && new NftChains(socket, owner, chain => place.isOwn(chain));
    this.#xtables = new XtablesChains(owner, () => place.olderOfOthers());
    this.#surroundings = new SurroundingsWatch({
      judges: () => new Set(socket?.tables(FAMILY)),
      changed: () => this.#moved(),
    });
  }

  /** All bridges that are to be let pass, instead of those before. */
  accept(bridges: Iterable<string>): void {
    this.#bridges.clear();
    for (const bridge of bridges) this.#bridges.add(bridge);
    this.#surroundings.look(this.#bridges);
    this.#complete();
    if (this.#bridges.size > 0) this.#watch();
  }

  /** Nobody is let pass any more, and nothing of ours is left. */
  remove(): void {
    this.#bridges.clear();
    this.#nft?.remove();
    this.#xtables.remove();
    this.#firewalld.remove();
  }

  /** Rules that may have changed without our being told. */
  check(): void {
    try {
      this.#xtables.check();
    } catch (error) {
      log.debug('could not look at the rules of the older iptables', { error: messageOf(error) });
    }
  }

  /** When what programs were told to do is done; undefined when there is nothing to wait for. */
  get settled(): Promise<void> | undefined {
    const waiting = [this.#xtables.settled, this.#firewalld.settled].filter(work => work !== undefined);
    return waiting.length === 0 ? undefined : Promise.all(waiting).then(() => undefined);
  }

  #moved(): void {
    this.options.surroundingsChanged(this.#surroundings.current);
    this.#complete();
  }

  #complete(): void {
    const passage = { bridges: [...this.#bridges].sort(), outside: this.#surroundings.current.outside };
    attempt(() => this.#askFor(passage.bridges, this.#nft?.complete(passage) ?? []));
    attempt(() => this.#xtables.complete(passage));
  }

  #askFor(bridges: readonly string[], locked: readonly LockedTable[]): void {
    const firewalld = locked.find(({ table }) => table === FIREWALLD);
    if (firewalld) this.#firewalld.complete(bridges, firewalld.state);
    else this.#firewalld.remove();
    for (const { table } of locked) {
      if (table === FIREWALLD || this.#locked.has(table)) continue;
      this.#locked.add(table);
      log.warn('a firewall lets nobody change its table: containers may be cut off until it lets them pass', { table });
    }
  }

  #watch(): void {
    if (this.#timer) return;
    if (this.options.socket) {
      this.#rules = new Watch(new RulesetChanges(), () => {
        this.options.rulesChanged();
        this.#complete();
      });
    }
    this.#timer = setInterval(() => {
      this.check();
      this.options.look();
    }, LOOK_MS);
    this.#timer.unref();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#rules?.[Symbol.dispose]();
    this.#surroundings[Symbol.dispose]();
  }
}

/** Containers may be cut off by what fails here; the engine works. */
function attempt(work: () => void): void {
  try {
    work();
  } catch (error) {
    log.warn('could not complete the rules in chains of others', { error: messageOf(error) });
  }
}
