// One HTTP/1.1 exchange at a time over a connection, and what it can turn into: a raw stream in both directions.
import {
  BodyReader,
  type Framing,
  type Headers,
  HeadReader,
  LAST_CHUNK,
  parseResponseHead,
  type ResponseHead,
  responseFraming,
  writeChunk,
} from '../lib/http/wire.ts';
import type { ByteSource, Duplex } from '../lib/streams.ts';
import { brokenConnection, ConnectionError } from './errors.ts';
import type { Connection } from './transport.ts';

export interface OutgoingRequest {
  method: string;
  target: string;
  headers: Record<string, string>;
  body?: string | Uint8Array | ByteSource;
}

/** The server closed the connection before it said anything: on a reused connection the request may be tried again. */
export class NoAnswerError extends ConnectionError {}

export class HttpConnection {
  constructor(
    readonly connection: Connection,
    private readonly release: (connection: HttpConnection) => void,
  ) {}

  /** Sends a request and reads the head of the answer. The answer's owner must read or cancel its body. */
  async exchange(request: OutgoingRequest): Promise<HttpResponse> {
    const sending = this.#send(request);
    const { head, rest } = await this.#readHead();
    const keepAlive = head.headers.get('connection')?.toLowerCase() !== 'close';
    return new HttpResponse(head, responseFraming(head, request.method), rest, this.connection, () => {
      // An answer that comes before the request was sent in full leaves the connection in no state to go on.
      if (keepAlive && sending.finished && !this.connection.isClosed) this.release(this);
      else this.connection.destroy();
    });
  }

  #send({ method, target, headers, body }: OutgoingRequest): { finished: boolean } {
    let head = `${method} ${target} HTTP/1.1\r\n`;
    for (const name in headers) head += `${name}: ${headers[name]}\r\n`;
    if (body === undefined) {
      if (method !== 'GET' && method !== 'HEAD') head += 'Content-Length: 0\r\n';
      void this.connection.write(Buffer.from(`${head}\r\n`));
      return { finished: true };
    }
    if (typeof body === 'string' || body instanceof Uint8Array) {
      const bytes = typeof body === 'string' ? Buffer.from(body) : body;
      void this.connection.write(Buffer.concat([Buffer.from(`${head}Content-Length: ${bytes.length}\r\n\r\n`), bytes]));
      return { finished: true };
    }
    void this.connection.write(Buffer.from(`${head}Transfer-Encoding: chunked\r\n\r\n`));
    const state = { finished: false };
    void this.#sendChunks(body).then(finished => {
      state.finished = finished;
    });
    return state;
  }

  async #sendChunks(body: ByteSource): Promise<boolean> {
    try {
      for await (const chunk of body) {
        if (chunk.length > 0 && !(await writeChunk(this.connection, chunk))) return false;
      }
      return await this.connection.write(LAST_CHUNK);
    } catch (error) {
      // The source failed: without the last chunk the server sees a request cut short, and whoever waits for the answer sees why.
      this.#sendError = error;
      this.connection.destroy();
      return false;
    }
  }

  #sendError: unknown;

  async #readHead(): Promise<{ head: ResponseHead; rest: Uint8Array[] }> {
    const reader = new HeadReader();
    for (;;) {
      const chunks = await this.connection.takeAll();
      if (chunks.length === 0) {
        this.connection.destroy();
        if (this.#sendError !== undefined) throw this.#sendError;
        if (this.connection.failure) throw brokenConnection(this.connection.failure);
        if (reader.empty) throw new NoAnswerError('the daemon closed the connection without an answer');
        throw new ConnectionError('the daemon closed the connection in the middle of an answer');
      }
      for (let i = 0; i < chunks.length; i++) {
        let message = reader.feed(chunks[i]!);
        while (message) {
          const head = parseResponseHead(message.text);
          if (head.status === 101 || head.status >= 200) {
            const rest = chunks.slice(i + 1);
            if (message.rest.length > 0) rest.unshift(message.rest);
            return { head, rest };
          }
          message = message.rest.length > 0 ? reader.feed(message.rest) : undefined;
        }
      }
    }
  }
}

export class HttpResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly #reader: BodyReader;
  #taken = false;

  constructor(
    head: ResponseHead,
    private readonly framing: Framing,
    private rest: Uint8Array[],
    private readonly connection: Connection,
    private readonly finish: () => void,
  ) {
    this.status = head.status;
    this.headers = head.headers;
    this.#reader = new BodyReader(framing);
    if (this.#reader.done && head.status !== 101) this.#end();
  }

  #end(): void {
    this.#taken = true;
    this.finish();
  }

  /** The body in batches: everything that has arrived, again and again, until an empty batch. */
  async takeAll(): Promise<Uint8Array[]> {
    const batch = await this.#nextBatch();
    if (batch.length === 0 && !this.#taken) this.#end();
    return batch;
  }

  async #nextBatch(): Promise<Uint8Array[]> {
    const batch: Uint8Array[] = [];
    while (batch.length === 0 && !this.#reader.done) {
      let chunks = this.rest;
      this.rest = [];
      if (chunks.length === 0) chunks = await this.connection.takeAll();
      if (chunks.length === 0) {
        this.connection.destroy();
        if (this.framing.kind === 'untilClose') return [];
        throw new ConnectionError('unexpected EOF');
      }
      for (const chunk of chunks) {
        if (this.#reader.done) break;
        this.#reader.feed(chunk, data => batch.push(data));
      }
    }
    return batch;
  }

  /** The body's bytes. Leaving the loop early drops the connection. */
  get body(): ByteSource {
    return this.#read();
  }

  async *#read(): AsyncGenerator<Uint8Array> {
    if (this.#taken) return;
    this.#taken = true;
    let complete = false;
    try {
      for (;;) {
        const batch = await this.#nextBatch();
        if (batch.length === 0) break;
        yield* batch;
      }
      complete = true;
    } finally {
      if (complete) this.finish();
      else this.connection.destroy();
    }
  }

  async bytes(): Promise<Buffer> {
    const chunks: Uint8Array[] = [];
    if (this.#taken) return Buffer.alloc(0);
    try {
      // Not by way of `body`: the first generator of a process costs more than all of this.
      for (let batch = await this.takeAll(); batch.length > 0; batch = await this.takeAll()) chunks.push(...batch);
    } catch (error) {
      this.connection.destroy();
      throw error;
    }
    return chunks.length === 1 ? Buffer.from(chunks[0]!) : Buffer.concat(chunks);
  }

  async text(): Promise<string> {
    return (await this.bytes()).toString();
  }

  async json<T>(): Promise<T> {
    return JSON.parse(await this.text()) as T;
  }

  /** Reads the rest away, so that the connection can be used again. */
  async discard(): Promise<void> {
    if (this.#taken) return;
    for (let batch = await this.takeAll(); batch.length > 0; ) batch = await this.takeAll();
  }

  /** Drops the connection. */
  cancel(): void {
    this.#taken = true;
    this.connection.destroy();
  }

  /** After an upgrade: both directions, raw. The response no longer owns the connection then. */
  upgrade(): RawStream {
    this.#taken = true;
    return new RawStream(this.connection, this.rest);
  }
}

/** A connection after the protocol's change, with what came along with the head still to be read. */
export class RawStream implements Duplex {
  constructor(
    private readonly connection: Connection,
    private early: Uint8Array[],
  ) {}

  async takeAll(): Promise<Uint8Array[]> {
    if (this.early.length === 0) return this.connection.takeAll();
    const chunks = this.early;
    this.early = [];
    return chunks;
  }

  get input(): ByteSource {
    return this.#read();
  }

  async *#read(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunks = await this.takeAll();
      if (chunks.length === 0) return;
      yield* chunks;
    }
  }

  write(chunk: Uint8Array): boolean | Promise<boolean> {
    return this.connection.write(chunk);
  }

  end(): void {
    this.connection.end();
  }

  destroy(): void {
    this.connection.destroy();
  }

  get closed(): Promise<void> {
    return this.connection.closed;
  }
}
