/** So many at a time, in order of asking. `using _ = await semaphore.acquire()` holds a permit to the end of the block. */
export class Semaphore {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(permits: number) {
    this.#free = permits;
  }

  /** A permit, given back when it is disposed of; that may happen more than once. */
  async acquire(): Promise<Disposable> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>(resolve => this.#waiting.push(resolve));
    let held = true;
    return {
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        // The permit goes straight to the next one, or back to the pile.
        const next = this.#waiting.shift();
        if (next) next();
        else this.#free++;
      },
    };
  }
}
