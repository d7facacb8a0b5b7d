// One request and its reply.
import { DockyardError, messageOf } from '../../lib/errors.ts';
import { LAST_CHUNK, type RequestHead, writeChunk } from '../../lib/http/wire.ts';
import { log } from '../../lib/logger.ts';
import type { SocketDuplex } from '../../lib/socket.ts';
import type { ByteSource, Duplex } from '../../lib/streams.ts';
import type { Incoming } from './incoming.ts';
import type { HttpHandler, HttpRequest, Reply } from './message.ts';
import { RequestBody } from './request-body.ts';
import { encodeHead, hasNoBody } from './response-head.ts';

/** A body left unread is read away up to here, so that the connection can be used again. */
const DRAIN_LIMIT = 256 * 1024;

export interface ExchangeOptions {
  /** Must not throw: a failure is a reply, too. */
  handler: HttpHandler;
  /** Sent with every reply. */
  headers: Readonly<Record<string, string>>;
}

export class Exchange {
  readonly #request: HttpRequest;
  readonly #body: RequestBody;
  readonly #controller = new AbortController();
  #hijacked = false;
  #whenClosed: (() => void) | undefined;

  constructor(
    private readonly head: RequestHead,
    private readonly stream: SocketDuplex,
    private readonly incoming: Incoming,
    private readonly options: ExchangeOptions,
  ) {
    this.#body = new RequestBody(head, incoming, stream);
    this.#request = {
      method: head.method,
      target: head.target,
      headers: head.headers,
      body: this.#body,
      bodyLength: this.#body.length,
      signal: this.#controller.signal,
    };
  }

  abort(): void {
    this.#controller.abort();
  }

  /** The client is gone altogether. */
  closed(): void {
    this.abort();
    this.#whenClosed?.();
  }

  /**
   * The client half-closed. After a whole request that means, as for Docker, that nobody waits any more; unless it asked
   * for an upgrade: then its input has ended, and it goes on reading.
   */
  inputEnded(): void {
    if (this.#body.done && !this.#hijacked && !this.head.headers.has('upgrade')) this.abort();
  }

  /** Resolves to whether the connection can carry another request. */
  async run(): Promise<boolean> {
    const reply = await this.options.handler(this.#request);
    this.#body.replyBegins();
    if (reply.body.kind === 'hijack') return this.#hijack(reply, reply.body.run);

    const silent = this.head.method === 'HEAD' || hasNoBody(reply.status);
    const streamed = reply.body.kind === 'stream';
    const chunked = streamed && this.head.version === 'HTTP/1.1';
    const keep = (!streamed || chunked || silent) && this.#wantsKeepAlive() && this.#body.canDrain(DRAIN_LIMIT);
    const head = encodeHead({ ...reply, headers: this.#headers(reply, chunked, keep) });

    if (reply.body.kind === 'stream') {
      this.stream.write(head);
      const sent = silent ? await abandon(reply.body.source) : await this.#send(reply.body.source, chunked);
      if (!sent) return false;
    } else {
      const data = silent || reply.body.kind === 'none' ? undefined : reply.body.data;
      if (!(await this.stream.write(data ? Buffer.concat([head, data]) : head))) return false;
    }
    return keep && (await this.#drain());
  }

  #headers(reply: Reply, chunked: boolean, keep: boolean): Record<string, string> {
    const headers: Record<string, string> = { ...this.options.headers, ...reply.headers, Date: httpDate() };
    if (!hasNoBody(reply.status)) {
      if (chunked) headers['Transfer-Encoding'] = 'chunked';
      else if (reply.body.kind === 'bytes') headers['Content-Length'] = String(reply.body.data.length);
      else if (reply.body.kind === 'none') headers['Content-Length'] = '0';
    }
    if (!keep) headers.Connection = 'close';
    else if (this.head.version === 'HTTP/1.0') headers.Connection = 'keep-alive';
    return headers;
  }

  /** False when the client is gone, or has to learn from a cut connection that the body is not whole. */
  #send(source: ByteSource, chunked: boolean): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    // The source may wait for its next piece for hours; who waits for us must not.
    this.#whenClosed = () => resolve(false);
    if (this.stream.isClosed) resolve(false);
    this.#pump(source[Symbol.asyncIterator](), chunked).then(resolve, error => {
      if (!this.#controller.signal.aborted) {
        log.error('a reply broke off', { method: this.head.method, url: this.head.target, error: messageOf(error) });
      }
      this.stream.destroy();
      resolve(false);
    });
    return promise;
  }

  async #pump(iterator: AsyncIterator<Uint8Array>, chunked: boolean): Promise<boolean> {
    for (;;) {
      const step = await iterator.next();
      if (step.done) return chunked ? this.stream.write(LAST_CHUNK) : true;
      if (step.value.length === 0) continue;
      const sent = chunked ? writeChunk(this.stream, step.value) : this.stream.write(step.value);
      if (sent === true || (await sent)) continue;
      await iterator.return?.();
      return false;
    }
  }

  async #hijack(reply: Reply, run: (connection: Duplex) => Promise<void>): Promise<false> {
    this.#hijacked = true;
    const { stream, incoming } = this;
    stream.write(encodeHead({ ...reply, headers: { ...this.options.headers, ...reply.headers } }));
    // Some clients send a body that nobody asked for (dockerode: attach's options once more); it is not the stream's.
    if (this.#body.canDrain(DRAIN_LIMIT)) await this.#drain();
    try {
      await run({
        input: incoming.rest(),
        write: chunk => stream.write(chunk),
        end: () => stream.end(),
        destroy: () => stream.destroy(),
        closed: stream.closed,
      });
    } catch (error) {
      if (!this.#controller.signal.aborted) {
        log.error('a hijacked stream broke off', { url: this.head.target, error: messageOf(error) });
      }
    }
    return false;
  }

  async #drain(): Promise<boolean> {
    try {
      return await this.#body.drain();
    } catch (error) {
      // Broken framing after the reply: nothing can be said any more, and the connection is of no use.
      if (error instanceof DockyardError) return false;
      throw error;
    }
  }

  #wantsKeepAlive(): boolean {
    const tokens = (this.head.headers.get('connection') ?? '').toLowerCase().split(/\s*,\s*/);
    if (tokens.includes('close')) return false;
    return this.head.version === 'HTTP/1.1' || tokens.includes('keep-alive');
  }
}

/** Ends a source that nobody reads. */
async function abandon(source: ByteSource): Promise<true> {
  await source[Symbol.asyncIterator]().return?.();
  return true;
}

let dateAt = 0;
let dateText = '';

function httpDate(): string {
  const now = Math.floor(Date.now() / 1000);
  if (now !== dateAt) {
    dateAt = now;
    dateText = new Date(now * 1000).toUTCString();
  }
  return dateText;
}
