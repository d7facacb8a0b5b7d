/** So many at a time, in order of asking. `using _ = await semaphore.acquire()` holds a permit to the end of the block. */
export class Semaphore {
  #held = 0;
  readonly #waiting: (() => void)[] = [];

  /** The number may change: who holds a permit keeps it. */
  constructor(private readonly permits: number | (() => number)) {}

  /** A permit, given back when it is disposed of; that may happen more than once. */
  async acquire(): Promise<Disposable> {
    if (this.#waiting.length === 0 && this.#isFree()) this.#held++;
    else await new Promise<void>(resolve => this.#waiting.push(resolve));
    let held = true;
    return {
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        this.#held--;
        this.#handOut();
      },
    };
  }

  #isFree(): boolean {
    return this.#held < (typeof this.permits === 'number' ? this.permits : this.permits());
  }

  /** Counted before the next one runs, so that nobody comes in between. */
  #handOut(): void {
    while (this.#waiting.length > 0 && this.#isFree()) {
      this.#held++;
      this.#waiting.shift()!();
    }
  }
}
