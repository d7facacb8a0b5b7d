// The body of a request, pulled: what the handler does not ask for stays in the socket.
import { invalid } from '../../lib/errors.ts';
import { BodyReader, type Framing, type RequestHead, requestFraming } from '../../lib/http/wire.ts';
import type { SocketDuplex } from '../../lib/socket.ts';
import type { ByteSource } from '../../lib/streams.ts';
import type { Incoming } from './incoming.ts';

const CONTINUE = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n', 'latin1');

export class RequestBody implements ByteSource {
  /** Undefined when it is open (chunked). */
  readonly length: number | undefined;
  readonly #reader: BodyReader;
  #received = 0;
  /** The client waits for our word before it sends. */
  #awaited: boolean;
  #replyBegun = false;

  constructor(
    head: RequestHead,
    private readonly incoming: Incoming,
    private readonly stream: SocketDuplex,
  ) {
    const framing = requestFraming(head);
    this.length = lengthOf(framing);
    this.#reader = new BodyReader(framing);
    this.#awaited = expectsContinue(head) && !this.#reader.done;
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    if (this.#awaited && !this.#replyBegun) {
      this.#awaited = false;
      this.stream.write(CONTINUE);
    }
    while (!this.#reader.done) {
      const chunk = await this.incoming.next();
      if (!chunk) throw invalid('the request body ended early');
      const pieces: Uint8Array[] = [];
      this.incoming.unread(this.#reader.feed(chunk, data => pieces.push(data)));
      for (const piece of pieces) {
        this.#received += piece.length;
        yield piece;
      }
    }
  }

  /** From now on a "continue" would land inside the reply. */
  replyBegins(): void {
    this.#replyBegun = true;
  }

  get done(): boolean {
    return this.#reader.done;
  }

  /** Whether what is unread is so little that reading it away is cheaper than a new connection. */
  canDrain(limit: number): boolean {
    if (this.#reader.done) return true;
    return !this.#awaited && this.length !== undefined && this.length - this.#received <= limit;
  }

  /** Reads the rest away; false if the client ended before it was whole. */
  async drain(): Promise<boolean> {
    while (!this.#reader.done) {
      const chunk = await this.incoming.next();
      if (!chunk) return false;
      this.incoming.unread(this.#reader.feed(chunk, () => undefined));
    }
    return true;
  }
}

function lengthOf(framing: Framing): number | undefined {
  if (framing.kind === 'length') return framing.length;
  return framing.kind === 'none' ? 0 : undefined;
}

function expectsContinue(head: RequestHead): boolean {
  const expect = head.headers.get('expect');
  if (expect === undefined) return false;
  if (expect.toLowerCase() !== '100-continue') throw invalid(`unsupported expectation ${expect}`);
  return head.version === 'HTTP/1.1';
}
