// For tests: a client on a socket that exists only here, so that a test decides where the bytes are cut and when they flow.
import type { Socket } from 'bun';
import { SocketDuplex } from '../../lib/socket.ts';

export class FakeClient {
  readonly stream = new SocketDuplex();
  readonly #received: Uint8Array[] = [];
  /** How much the "kernel" takes before it is full; grows with `accept`. */
  #room = Number.POSITIVE_INFINITY;
  paused = false;
  /** The server half-closed, or closed. */
  ended = false;
  #changed: (() => void) | undefined;

  constructor() {
    const socket = {
      write: (data: Uint8Array) => this.#write(data),
      shutdown: () => this.#note(() => (this.ended = true)),
      end: () => this.#note(() => this.#closed()),
      terminate: () => this.#note(() => this.#closed()),
      pause: () => this.#note(() => (this.paused = true)),
      resume: () => this.#note(() => (this.paused = false)),
    };
    this.stream.onOpen(socket as unknown as Socket<unknown>);
  }

  send(data: string | Uint8Array): void {
    this.stream.onData(typeof data === 'string' ? Buffer.from(data) : data);
  }

  halfClose(): void {
    this.stream.onEnd();
  }

  /** As if the process were killed. */
  vanish(): void {
    this.stream.onEnd();
    this.stream.onClose();
  }

  get text(): string {
    return Buffer.concat(this.#received).toString('latin1');
  }

  get received(): number {
    return this.#received.reduce((total, chunk) => total + chunk.length, 0);
  }

  /** From now on only this much gets through, until more is allowed. */
  allow(bytes: number): void {
    this.#room = bytes;
    this.stream.onDrain();
  }

  /** Waits for something that our side will do; a test's own time limit is the only one. */
  async until(condition: (client: this) => boolean): Promise<void> {
    while (!condition(this)) {
      await new Promise<void>(resolve => {
        this.#changed = resolve;
      });
    }
  }

  async untilText(part: string): Promise<string> {
    await this.until(client => client.text.includes(part));
    return this.text;
  }

  #closed(): void {
    this.ended = true;
    this.stream.onClose();
  }

  #write(data: Uint8Array): number {
    const taken = Math.min(data.length, this.#room);
    this.#room -= taken;
    this.#note(() => this.#received.push(Buffer.from(data.subarray(0, taken))));
    return taken;
  }

  #note(change: () => unknown): void {
    change();
    this.#changed?.();
    this.#changed = undefined;
  }
}

/** Lets everything that is ready run. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise(resolve => setImmediate(resolve));
}
