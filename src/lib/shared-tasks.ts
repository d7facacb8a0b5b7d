/**
 * Work that several ask for at the same time is done once. Each asks with a signal of their own; the work's own signal
 * fires when the last of them has left. Its result is forgotten as soon as it is there.
 */
export class SharedTasks<K, T> {
  readonly #tasks = new Map<K, { result: Promise<T>; abort: AbortController; askers: number }>();

  async run(key: K, signal: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    signal?.throwIfAborted();
    let task = this.#tasks.get(key);
    // One that is ending because everybody left is of no use to somebody new.
    if (!task || task.abort.signal.aborted) {
      const abort = new AbortController();
      const created = { result: work(abort.signal), abort, askers: 0 };
      task = created;
      this.#tasks.set(key, created);
      const forget = () => {
        if (this.#tasks.get(key) === created) this.#tasks.delete(key);
      };
      created.result.then(forget, forget);
    }
    const joined = task;
    joined.askers++;
    let leave: (() => void) | undefined;
    const left = new Promise<never>((_, reject) => {
      leave = () => reject(signal?.reason);
      signal?.addEventListener('abort', leave, { once: true });
    });
    try {
      return await Promise.race([joined.result, left]);
    } finally {
      signal?.removeEventListener('abort', leave!);
      if (--joined.askers === 0 && signal?.aborted) {
        joined.abort.abort(signal.reason);
        // What the work holds is given back before the last one who asked goes on.
        await joined.result.then(
          () => {},
          () => {},
        );
      }
    }
  }
}
