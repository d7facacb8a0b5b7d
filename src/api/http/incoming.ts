// What a connection's client sends, with a way to put back what was read too far: the next request begins there.
import type { SocketDuplex } from '../../lib/socket.ts';
import type { ByteSource } from '../../lib/streams.ts';

export class Incoming {
  #waiting: Uint8Array[] = [];
  /** One read of the socket for all who wait: a hijacked stream's reader may still be there when the connection ends. */
  #reading: Promise<boolean> | undefined;

  constructor(private readonly stream: SocketDuplex) {}

  /** The next bytes, or undefined when the client has ended. */
  async next(): Promise<Uint8Array | undefined> {
    while (this.#waiting.length === 0) {
      this.#reading ??= this.#read();
      if (!(await this.#reading)) return undefined;
    }
    return this.#waiting.shift();
  }

  unread(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#waiting.unshift(bytes);
  }

  async *rest(): ByteSource {
    for (;;) {
      const chunk = await this.next();
      if (!chunk) return;
      yield chunk;
    }
  }

  async #read(): Promise<boolean> {
    const chunks = await this.stream.takeAll();
    this.#reading = undefined;
    this.#waiting.push(...chunks);
    return chunks.length > 0;
  }
}
