/** One at a time, in order of asking. `using _ = await mutex.lock()` holds it to the end of the block. */
export class Mutex {
  #tail: Promise<void> = Promise.resolve();

  async lock(): Promise<Disposable> {
    const before = this.#tail;
    let release!: () => void;
    this.#tail = new Promise(resolve => {
      release = resolve;
    });
    await before;
    return { [Symbol.dispose]: release };
  }
}
