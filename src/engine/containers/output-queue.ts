// Output on its way to one client. It is copied in as it comes and lent out in runs as long as they got meanwhile, so that a fast
// process makes few large pieces instead of many small ones; the memory is used again and again.
import type { OutputChunk, StdStream } from '../output.ts';

const LEAST_CAPACITY = 4 * 1024;
/** A queue that needed more than this at once gives it back when it needs little again. */
const KEPT_CAPACITY = 64 * 1024;

class Runs {
  #bytes: Buffer = Buffer.alloc(0);
  #length = 0;
  readonly #runs: { stream: StdStream; end: number }[] = [];

  get length(): number {
    return this.#length;
  }

  add(stream: StdStream, data: Uint8Array): void {
    const end = this.#length + data.length;
    if (end > this.#bytes.length) this.#grow(end);
    this.#bytes.set(data, this.#length);
    this.#length = end;
    const last = this.#runs.at(-1);
    if (last?.stream === stream) last.end = end;
    else this.#runs.push({ stream, end });
  }

  #grow(length: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(LEAST_CAPACITY, 2 ** Math.ceil(Math.log2(length))));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }

  chunks(): OutputChunk[] {
    let start = 0;
    return this.#runs.map(({ stream, end }) => {
      const data = this.#bytes.subarray(start, end);
      start = end;
      return { stream, data };
    });
  }

  clear(): void {
    if (this.#bytes.length > KEPT_CAPACITY && this.#length < this.#bytes.length / 16) this.#bytes = Buffer.alloc(0);
    this.#length = 0;
    this.#runs.length = 0;
  }
}

export class OutputQueue {
  #filling = new Runs();
  #lent = new Runs();
  #ended = false;
  #wake: (() => void) | undefined;

  /** `onTaken` is called each time everything that waited has been taken. */
  constructor(private readonly onTaken: () => void) {}

  /** Bytes that wait. */
  get size(): number {
    return this.#filling.length;
  }

  /** The data is copied. */
  push(stream: StdStream, data: Uint8Array): void {
    if (this.#ended || data.length === 0) return;
    this.#filling.add(stream, data);
    this.#signal();
  }

  /** No more will come; what waits can still be taken. */
  end(): void {
    this.#ended = true;
    this.#signal();
  }

  #signal(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  /** Everything that waits, valid until the next call. Empty at the end. */
  async takeAll(): Promise<OutputChunk[]> {
    this.#lent.clear();
    while (this.#filling.length === 0) {
      if (this.#ended) return [];
      await new Promise<void>(resolve => {
        this.#wake = resolve;
      });
    }
    [this.#filling, this.#lent] = [this.#lent, this.#filling];
    const chunks = this.#lent.chunks();
    this.onTaken();
    return chunks;
  }
}
