// Helper processes that have unpacked a layer wait a moment for the next: an image may have hundreds of small ones, and a
// start takes longer than most of them. One that met a bad layer, or was stopped in the middle, is not used again.
import { UnpackProcess } from './unpack-process.ts';

const IDLE_FOR = 250;

export class UnpackPool {
  readonly #idle: UnpackProcess[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(
    /** Where all that they touch lies. */
    readonly home: string,
    private readonly maxRatio: number,
  ) {}

  /** Whoever takes it gives it back, or kills it. */
  take(): UnpackProcess {
    for (let idle = this.#idle.pop(); idle; idle = this.#idle.pop()) if (idle.isAlive) return idle;
    return new UnpackProcess(this.home, this.maxRatio);
  }

  giveBack(process: UnpackProcess): void {
    if (this.#closed) {
      void process.kill();
      return;
    }
    this.#idle.push(process);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#endIdle(), IDLE_FOR);
    this.#timer.unref();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#endIdle();
  }

  async #endIdle(): Promise<void> {
    await Promise.all(this.#idle.splice(0).map(process => process.kill()));
  }
}
