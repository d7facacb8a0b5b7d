// Work that is tried again until there is nothing left to do, with growing pauses: what it depends on is not in our hands.

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

export class AgainLater implements Disposable {
  #timer: Timer | undefined;
  #pauseMs = FIRST_PAUSE_MS;
  #closed = false;

  constructor(private readonly work: () => void) {}

  get closed(): boolean {
    return this.#closed;
  }

  /** It did not work out. */
  postpone(): void {
    if (this.#closed || this.#timer) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.work();
    }, this.#pauseMs);
    this.#timer.unref();
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
  }

  /** It did; the next pause is a short one again. */
  succeeded(): void {
    this.#pauseMs = FIRST_PAUSE_MS;
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }
}
