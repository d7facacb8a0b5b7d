/** Tells any number of waiters that something has changed. Beats that nobody waits for are not lost: a waiter says what it last saw. */
export class Pulse {
  #count = 0;
  #waiters = new Set<() => void>();

  /** To be read before looking at whatever changes. */
  get count(): number {
    return this.#count;
  }

  /** Whether somebody waits for a beat. */
  get awaited(): boolean {
    return this.#waiters.size > 0;
  }

  beat(): void {
    this.#count++;
    const waiters = this.#waiters;
    this.#waiters = new Set();
    for (const wake of waiters) wake();
  }

  /** Resolves when there was a beat after `seen`, when `signal` is aborted, or after `milliseconds`. */
  after(seen: number, signal?: AbortSignal, milliseconds?: number): Promise<void> {
    if (this.#count !== seen || signal?.aborted) return Promise.resolve();
    return new Promise(resolve => {
      const wake = () => {
        this.#waiters.delete(wake);
        signal?.removeEventListener('abort', wake);
        clearTimeout(timer);
        resolve();
      };
      const timer = milliseconds === undefined ? undefined : setTimeout(wake, milliseconds);
      signal?.addEventListener('abort', wake);
      this.#waiters.add(wake);
    });
  }
}
