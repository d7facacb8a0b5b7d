// The Engine API's client: one engine, any number of requests. What can be asked is in the files beside this one
// (containers.ts, images.ts, ...), as functions that take a client.
import type { ByteSource } from '../lib/streams.ts';
import { ApiError } from './errors.ts';
import { HttpConnection, type HttpResponse, NoAnswerError, type OutgoingRequest, type RawStream } from './http.ts';
import type { Dial } from './transport.ts';
import { CLIENT_API_VERSION, compareVersions, UNSTATED_API_VERSION } from './version.ts';

export type QueryValue = string | number | boolean | readonly string[] | undefined;

export interface RequestOptions {
  /** Left out: undefined, false and ''. A list is repeated. */
  query?: Record<string, QueryValue>;
  /** Sent as JSON. */
  json?: unknown;
  /** Sent as it is, chunked if it is a stream. */
  body?: Uint8Array | ByteSource;
  contentType?: string;
  headers?: Record<string, string>;
}

export interface ClientOptions {
  dial: Dial;
  /** What stands before every path: an engine behind a proxy. */
  basePath?: string;
  /** The API version to speak; without it the newest both sides know. */
  version?: string;
  /** Sent with every request. */
  headers?: Record<string, string>;
}

export class EngineClient {
  #version: string;
  /** The version is fixed by the user, or known from an answer. */
  #settled: boolean;
  readonly #idle: HttpConnection[] = [];
  readonly #release = (connection: HttpConnection) => void this.#idle.push(connection);

  constructor(private readonly options: ClientOptions) {
    this.#version = options.version ?? CLIENT_API_VERSION;
    this.#settled = options.version !== undefined;
  }

  /** The API version in use; final once `negotiate` or any request has come back. */
  get version(): string {
    return this.#version;
  }

  /** Asks for the engine's version unless an answer has told it already. */
  async negotiate(): Promise<string> {
    if (!this.#settled) await (await import('./system.ts')).ping(this);
    return this.#version;
  }

  /** Opens connections before they are needed. */
  async prepare(count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, async () => this.#release(await this.#connect())));
  }

  /** Sends a request and returns its answer; an error answer is thrown as ApiError. */
  async request(method: string, path: string, options: RequestOptions = {}): Promise<HttpResponse> {
    // A stream can't be sent a second time, so the version must be known first.
    if (!this.#settled && options.body !== undefined && !(options.body instanceof Uint8Array)) await this.negotiate();
    for (;;) {
      const asked = this.#version;
      const response = await this.#exchange(this.#compose(method, `/v${asked}${path}`, options));
      this.#learnVersion(response);
      // 304: it was so already. Engines send nobody elsewhere, so another 3xx is no answer to what was asked.
      if (response.status < 300 || response.status === 304) return response;
      const error = await errorOf(response, method, path);
      // Engines refuse a version that is too new before they look at anything else: the same request can be sent again.
      if (error.status === 400 && compareVersions(this.#version, asked) < 0) continue;
      throw error;
    }
  }

  /** A request without a version in its path, and without an opinion on its status. */
  async probe(method: string, path: string): Promise<HttpResponse> {
    const response = await this.#exchange(this.#compose(method, path, {}));
    this.#learnVersion(response);
    return response;
  }

  /** Turns a request into a raw stream in both directions. */
  async hijack(path: string, options: RequestOptions = {}): Promise<{ stream: RawStream; contentType: string }> {
    const headers = { ...options.headers, Connection: 'Upgrade', Upgrade: 'tcp' };
    const response = await this.request('POST', path, { ...options, headers });
    return { stream: response.upgrade(), contentType: response.headers.get('content-type') ?? '' };
  }

  /** Closes what is idle. Streams that are still open have their own owners. */
  close(): void {
    for (const { connection } of this.#idle.splice(0)) connection.destroy();
  }

  #compose(method: string, path: string, options: RequestOptions): OutgoingRequest {
    const headers: Record<string, string> = { Host: 'docker', ...this.options.headers };
    const body = options.json === undefined ? options.body : JSON.stringify(options.json);
    const contentType = options.contentType ?? (options.json === undefined ? undefined : 'application/json');
    if (contentType !== undefined) headers['Content-Type'] = contentType;
    Object.assign(headers, options.headers);
    return { method, target: `${this.options.basePath ?? ''}${path}${queryText(options.query)}`, headers, body };
  }

  async #exchange(request: OutgoingRequest): Promise<HttpResponse> {
    const reused = this.#takeIdle();
    if (reused) {
      try {
        return await reused.exchange(request);
      } catch (error) {
        const repeatable = typeof request.body !== 'object' || request.body instanceof Uint8Array;
        if (!(error instanceof NoAnswerError) || !repeatable) throw error;
        // The engine had given up the idle connection before it saw the request.
      }
    }
    return (await this.#connect()).exchange(request);
  }

  #takeIdle(): HttpConnection | undefined {
    for (;;) {
      const connection = this.#idle.pop();
      if (!connection?.connection.isClosed) return connection;
    }
  }

  async #connect(): Promise<HttpConnection> {
    return new HttpConnection(await this.options.dial(), this.#release);
  }

  #learnVersion(response: HttpResponse): void {
    if (this.#settled) return;
    const theirs = response.headers.get('api-version') ?? UNSTATED_API_VERSION;
    if (compareVersions(theirs, this.#version) < 0) this.#version = theirs;
    this.#settled = true;
  }
}

function queryText(query: Record<string, QueryValue> | undefined): string {
  let text = '';
  for (const name in query) {
    const value = query[name];
    if (value === undefined || value === false || value === '') continue;
    const values = typeof value === 'object' ? value : [value === true ? '1' : String(value)];
    for (const one of values) text += `${text === '' ? '?' : '&'}${name}=${encodeURIComponent(one)}`;
  }
  return text;
}

async function errorOf(response: HttpResponse, method: string, path: string): Promise<ApiError> {
  const text = (await response.text()).trim();
  return new ApiError(response.status, messageIn(text) ?? (text || emptyAnswer(response.status, method, path)));
}

function messageIn(text: string): string | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    const body = JSON.parse(text) as { message?: unknown };
    return typeof body.message === 'string' ? body.message.trim() : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function emptyAnswer(status: number, method: string, path: string): string {
  return `status ${status} for ${method} ${path} without a message, check if the server supports the requested API version`;
}
