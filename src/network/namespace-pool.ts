// A new namespace takes the kernel a millisecond. After the first start, the one for the next start is made between starts.
// It is held by a descriptor only: if the engine dies, it is gone.
import { messageOf } from '../lib/errors.ts';
import { log } from '../lib/logger.ts';
import { SandboxNamespace } from './sandbox.ts';

const SPARE = 2;
/** Long enough for the start that took the last one to be over. */
const REFILL_AFTER_MS = 60;

export class NamespacePool implements Disposable {
  readonly #spare: SandboxNamespace[] = [];
  #timer: Timer | undefined;

  take(): SandboxNamespace {
    const namespace = this.#spare.pop() ?? SandboxNamespace.create();
    this.#refillLater();
    return namespace;
  }

  #refillLater(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#refill(), REFILL_AFTER_MS);
    this.#timer.unref();
  }

  #refill(): void {
    try {
      this.#spare.push(SandboxNamespace.create());
      if (this.#spare.length < SPARE) this.#refillLater();
    } catch (error) {
      // Whoever starts next will be told.
      log.debug('could not make a spare namespace', { error: messageOf(error) });
    }
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    for (const namespace of this.#spare) namespace[Symbol.dispose]();
    this.#spare.length = 0;
  }
}
