/**
 * An async iterable that is filled from callbacks. It never drops or reorders; whoever fills it looks at `size`
 * to decide when to pause the source, and `onDrain` tells when the consumer has caught up.
 */
export class Queue<T> implements AsyncIterable<T> {
  #items: T[] = [];
  #head = 0;
  #weight = 0;
  #ended = false;
  #error: unknown;
  #wake: (() => void) | undefined;
  #onDrain: (() => void) | undefined;

  constructor(private readonly weigh: (item: T) => number = () => 1) {}

  /** What is waiting, in the unit of `weigh`. */
  get size(): number {
    return this.#weight;
  }

  get ended(): boolean {
    return this.#ended;
  }

  push(item: T): void {
    if (this.#ended) return;
    this.#items.push(item);
    this.#weight += this.weigh(item);
    this.#signal();
  }

  /** No more items will come; the consumer still gets those that wait, then `error` if there is one. */
  end(error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#signal();
  }

  /** Called each time the last waiting item has been taken. */
  onDrain(callback: () => void): void {
    this.#onDrain = callback;
  }

  #signal(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  #take(): T {
    const item = this.#items[this.#head]!;
    this.#items[this.#head++] = undefined as T;
    this.#weight -= this.weigh(item);
    if (this.#head === this.#items.length) {
      this.#items = [];
      this.#head = 0;
    }
    return item;
  }

  /** Everything that waits, at once: for consumers that can batch. Empty when ended. */
  async takeAll(): Promise<T[]> {
    while (this.#head === this.#items.length) {
      if (this.#ended) {
        if (this.#error !== undefined) throw this.#error;
        return [];
      }
      await new Promise<void>(resolve => {
        this.#wake = resolve;
      });
    }
    const taken = this.#head === 0 ? this.#items : this.#items.slice(this.#head);
    this.#items = [];
    this.#head = 0;
    this.#weight = 0;
    this.#onDrain?.();
    return taken;
  }

  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    for (;;) {
      while (this.#head < this.#items.length) {
        const item = this.#take();
        if (this.#items.length === 0) this.#onDrain?.();
        yield item;
      }
      if (this.#ended) {
        if (this.#error !== undefined) throw this.#error;
        return;
      }
      await new Promise<void>(resolve => {
        this.#wake = resolve;
      });
    }
  }
}
