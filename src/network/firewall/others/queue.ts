// Programs that change the host's firewalls are run one after the other, whoever asks; nobody but who must waits for them.

let last: Promise<void> = Promise.resolve();

export class ProgramQueue {
  #waiting = 0;

  /** `work` tells for itself what goes wrong. */
  add(work: () => Promise<void>): void {
    this.#waiting++;
    last = last.then(work).finally(() => {
      this.#waiting--;
    });
  }

  get isIdle(): boolean {
    return this.#waiting === 0;
  }

  /** When what was added here is done; undefined when there is nothing to wait for. */
  get settled(): Promise<void> | undefined {
    return this.isIdle ? undefined : last;
  }
}
