// One client's connection: requests one after the other, each answered before the next is looked at.
import { DockyardError, invalid, messageOf } from '../../lib/errors.ts';
import { HeadReader, parseRequestHead, type RequestHead } from '../../lib/http/wire.ts';
import { log } from '../../lib/logger.ts';
import type { SocketDuplex } from '../../lib/socket.ts';
import { Exchange, type ExchangeOptions } from './exchange.ts';
import { Incoming } from './incoming.ts';
import { encodeHead } from './response-head.ts';

/** How long a client may take to notice that we are done, before the connection is cut. */
const LINGER_MS = 30_000;
/** The same when the whole server ends. */
const LAST_LINGER_MS = 500;

export class Connection {
  readonly #incoming: Incoming;
  #current: Exchange | undefined;
  #closing = false;
  #lingering: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly stream: SocketDuplex,
    private readonly options: ExchangeOptions,
  ) {
    this.#incoming = new Incoming(stream);
    void stream.inputEnded.then(() => this.#current?.inputEnded());
    void stream.closed.then(() => this.#current?.closed());
  }

  /** Serves until the connection is over. Never throws. */
  async run(): Promise<void> {
    try {
      while (!this.#closing) {
        const exchange = await this.#nextExchange();
        if (!exchange) break;
        this.#current = exchange;
        const reusable = await exchange.run();
        this.#current = undefined;
        if (!reusable) break;
      }
    } catch (error) {
      const stack = error instanceof Error ? error.stack : undefined;
      log.error('a connection failed', { error: messageOf(error), stack });
    }
    await this.#hangUp();
  }

  /** Lets the reply that is under way come to its end (streams are told to stop) and takes no further request. */
  close(): void {
    this.#closing = true;
    if (this.#current) this.#current.abort();
    else if (this.#lingering) this.#linger();
    else this.stream.destroy();
  }

  destroy(): void {
    this.stream.destroy();
  }

  /** Undefined when no more requests come, or none that we could read. */
  async #nextExchange(): Promise<Exchange | undefined> {
    try {
      const head = await this.#nextHead();
      return head && new Exchange(head, this.stream, this.#incoming, this.options);
    } catch (error) {
      if (!(error instanceof DockyardError)) throw error;
      this.#refuse(error.message);
      return undefined;
    }
  }

  async #nextHead(): Promise<RequestHead | undefined> {
    const reader = new HeadReader();
    for (;;) {
      const chunk = await this.#incoming.next();
      if (!chunk) {
        if (!reader.empty) throw invalid('the request ended inside its header');
        return undefined;
      }
      const found = reader.feed(chunk);
      if (!found) continue;
      this.#incoming.unread(found.rest);
      const head = parseRequestHead(found.text);
      if (head.version === 'HTTP/1.1' && !head.headers.has('host')) throw invalid('missing required Host header');
      return head;
    }
  }

  #refuse(message: string): void {
    const body = Buffer.from(`${JSON.stringify({ message })}\n`);
    const headers = {
      ...this.options.headers,
      'Content-Type': 'application/json',
      'Content-Length': String(body.length),
      Connection: 'close',
    };
    this.stream.write(Buffer.concat([encodeHead({ status: 400, headers }), body]));
  }

  /** A client that still sends must not have our last answer torn away by a reset: end ours, then read theirs away. */
  async #hangUp(): Promise<void> {
    if (this.stream.isClosed) return;
    this.stream.end();
    this.#linger();
    while (await this.#incoming.next());
    await this.stream.closed;
    clearTimeout(this.#lingering);
  }

  #linger(): void {
    clearTimeout(this.#lingering);
    this.#lingering = setTimeout(() => this.stream.destroy(), this.#closing ? LAST_LINGER_MS : LINGER_MS);
  }
}
