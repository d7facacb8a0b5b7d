// Keeps what is known of the host's interfaces up to date.
import { AddressChanges } from '../../../kernel/rtnetlink/changes.ts';
import { hostLinks } from '../../drivers/host-kernel.ts';
import { readSurroundings, type Surroundings } from './surroundings.ts';
import { Watch } from './watch.ts';

export interface SurroundingsOptions {
  /** Engines of ours that judge in a place of their own what goes to their bridges, by what these are known by. */
  judges(): ReadonlySet<string>;
  /** Called when something is not what it was. */
  changed(): void;
}

export class SurroundingsWatch implements Disposable {
  #own: ReadonlySet<string> = new Set();
  #current: Surroundings = { outside: [], guests: [] };
  #watch: Watch | undefined;

  constructor(private readonly options: SurroundingsOptions) {}

  get current(): Surroundings {
    return this.#current;
  }

  /** `own` are the engine's bridges. As long as there are any, changes are told. */
  look(own: Iterable<string>): void {
    this.#own = new Set(own);
    this.#read();
    if (this.#own.size > 0) this.#watch ??= new Watch(new AddressChanges(), () => this.#read());
  }

  #read(): void {
    const before = JSON.stringify(this.#current);
    this.#current = readSurroundings(hostLinks(), this.#own, this.options.judges());
    if (JSON.stringify(this.#current) !== before) this.options.changed();
  }

  [Symbol.dispose](): void {
    this.#watch?.[Symbol.dispose]();
    this.#watch = undefined;
  }
}
