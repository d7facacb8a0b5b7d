// A bare connection to the API, for what no client would send.
import { connectSocket, type SocketDuplex } from '../../src/lib/socket.ts';

export class RawConnection implements Disposable {
  #received = Buffer.alloc(0);
  #changed: (() => void) | undefined;
  #ended = false;

  private constructor(readonly stream: SocketDuplex) {
    void this.#read();
  }

  static async open(socket: string): Promise<RawConnection> {
    return new RawConnection(await connectSocket({ unix: socket }));
  }

  /** A request for a hijacked stream; the reply's head is in `text` when this resolves. */
  static async hijack(socket: string, path: string, body?: unknown, upgrade = true): Promise<RawConnection> {
    const connection = await RawConnection.open(socket);
    const json = body === undefined ? '' : JSON.stringify(body);
    const lines = [
      `POST /v1.56${path} HTTP/1.1`,
      'Host: dockyard',
      ...(upgrade ? ['Connection: Upgrade', 'Upgrade: tcp'] : []),
      ...(json === '' ? [] : ['Content-Type: application/json']),
      `Content-Length: ${Buffer.byteLength(json)}`,
    ];
    connection.send(`${lines.join('\r\n')}\r\n\r\n${json}`);
    await connection.until(text => text.includes('\r\n\r\n'));
    return connection;
  }

  send(data: string | Uint8Array): void {
    void this.stream.write(Buffer.from(data));
  }

  /** Everything the server sent, one character per byte. */
  get text(): string {
    return this.#received.toString('latin1');
  }

  get head(): string {
    return this.text.slice(0, this.text.indexOf('\r\n\r\n'));
  }

  get body(): Buffer {
    return this.#received.subarray(this.#received.indexOf('\r\n\r\n') + 4);
  }

  async until(condition: (text: string) => boolean): Promise<string> {
    while (!condition(this.text)) {
      if (this.#ended) throw new Error(`the server ended before it said what was expected; it said: ${this.text}`);
      await new Promise<void>(resolve => {
        this.#changed = resolve;
      });
    }
    return this.text;
  }

  async untilEnd(): Promise<string> {
    while (!this.#ended) {
      await new Promise<void>(resolve => {
        this.#changed = resolve;
      });
    }
    return this.text;
  }

  halfClose(): void {
    this.stream.end();
  }

  [Symbol.dispose](): void {
    this.stream.destroy();
  }

  async #read(): Promise<void> {
    for await (const chunk of this.stream.input) {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#note();
    }
    this.#ended = true;
    this.#note();
  }

  #note(): void {
    this.#changed?.();
    this.#changed = undefined;
  }
}
