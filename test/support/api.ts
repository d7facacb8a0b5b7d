// The Engine API called plainly, with no client of ours in between.

export class Answer {
  constructor(
    readonly status: number,
    readonly headers: Headers,
    readonly bytes: Uint8Array,
  ) {}

  get text(): string {
    return Buffer.from(this.bytes).toString();
  }

  /** The test says what it expects; a body that is no JSON throws with what it was. */
  json<T>(): T {
    try {
      return JSON.parse(this.text) as T;
    } catch (error) {
      throw new Error(`status ${this.status}, not JSON: ${this.text}`, { cause: error });
    }
  }

  /** The text of an error. */
  get message(): string {
    return this.json<{ message: string }>().message;
  }

  /** Itself, if the call succeeded. */
  get ok(): this {
    if (this.status >= 400) throw new Error(`status ${this.status}: ${this.text}`);
    return this;
  }
}

export interface CallOptions {
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

export class Api {
  constructor(
    readonly socket: string,
    /** Before every path, unless it brings a version itself; '' for none. */
    readonly version = '/v1.56',
  ) {}

  /** Bodies that are neither text nor bytes are sent as JSON. */
  async call(method: string, path: string, body?: unknown, options: CallOptions = {}): Promise<Answer> {
    const response = await this.open(method, path, body, options);
    return new Answer(response.status, response.headers, await response.bytes());
  }

  /** For bodies that are read as they come. */
  open(method: string, path: string, body?: unknown, { headers, signal }: CallOptions = {}): Promise<Response> {
    const raw = body === undefined || typeof body === 'string' || body instanceof Uint8Array;
    return fetch(`http://dockyard${/^\/v\d/.test(path) ? '' : this.version}${path}`, {
      method,
      unix: this.socket,
      // A connection kept from before a restart of the daemon would be a dead one.
      keepalive: false,
      headers: { ...(raw ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: raw ? (body as string | Uint8Array<ArrayBuffer>) : JSON.stringify(body) }),
      ...(signal && { signal }),
    });
  }

  get = (path: string, options?: CallOptions) => this.call('GET', path, undefined, options);
  post = (path: string, body?: unknown, options?: CallOptions) => this.call('POST', path, body, options);
  delete = (path: string) => this.call('DELETE', path);
}
