// One blob on its way into a registry: begun, sent, ended; and gone on with where its connection broke.
import { failed } from '../lib/errors.ts';
import type { Digest } from '../lib/ids.ts';
import type { ByteSource } from '../lib/streams.ts';
import { ConnectionFailure, failureOf } from './failures.ts';
import type { RegistrySession } from './session.ts';
import type { Exchange } from './transport.ts';

/** Uploads may be answered only when the registry has hashed all of it. */
const PATIENCE = 15 * 60_000;

export class Upload {
  #location: string | undefined;
  /** Bytes that the registry is known to have. */
  accepted = 0;
  #wasRefused = false;

  constructor(
    private readonly session: RegistrySession,
    private readonly scopes: readonly string[],
    private readonly blob: { digest: Digest; size: number },
    private readonly content: (start: number) => ByteSource,
    private readonly signal: AbortSignal | undefined,
  ) {}

  async begin(path: string): Promise<'mounted' | 'begun'> {
    this.accepted = 0;
    const response = await this.#request(path, { method: 'POST', headers: EMPTY, body: NOTHING });
    if (response.status !== 201 && response.status !== 202) throw await failureOf(response, 'starting an upload');
    await response.body?.cancel();
    if (response.status === 201) return 'mounted';
    this.#location = await this.#locationIn(response, path);
    return 'begun';
  }

  /** False if there is nothing to go on with: it has to begin. */
  async resume(): Promise<boolean> {
    const location = this.#location;
    if (location === undefined) return false;
    const response = await this.#request(location, { method: 'GET' });
    const { status, headers } = response;
    if (status === 429 || status >= 500) throw await failureOf(response, 'asking how far an upload is');
    await response.body?.cancel();
    const range = /^(?:bytes=)?0-(\d+)$/.exec(headers.get('range') ?? '');
    this.#location = undefined;
    this.accepted = 0;
    if (!response.ok || !range) return false;
    this.#location = headers.has('location') ? await this.#locationIn(response, location) : location;
    // "0-0" is what an upload says that has nothing.
    const last = Number(range[1]);
    this.accepted = last === 0 ? 0 : last + 1;
    return this.accepted <= this.blob.size;
  }

  /** The rest of it, and has the registry verify the whole. */
  async send(): Promise<void> {
    const { blob, accepted } = this;
    if (accepted < blob.size || blob.size === 0) await this.#sendFrom(accepted);
    const url = new URL(this.#location!);
    url.searchParams.set('digest', blob.digest);
    const response = await this.#request(url.href, {
      method: 'PUT',
      headers: EMPTY,
      body: NOTHING,
      patience: PATIENCE,
    });
    if (response.ok) {
      await response.body?.cancel();
      return;
    }
    this.#forgetUnlessTemporary(response.status);
    throw await failureOf(response, 'end of an upload');
  }

  async #sendFrom(start: number): Promise<void> {
    const { blob, scopes, signal } = this;
    // What can be read only once must not be refused for want of a token.
    await this.session.authorize(scopes, signal);
    const headers = {
      'Content-Type': 'application/octet-stream',
      'Content-Length': String(blob.size - start),
      ...(start > 0 && { 'Content-Range': `${start}-${blob.size - 1}` }),
    };
    const body = this.content(start);
    const location = this.#location!;
    const response = await this.#request(location, { method: 'PATCH', headers, body, patience: PATIENCE });
    if (response.ok) {
      this.#location = await this.#locationIn(response, location);
      await response.body?.cancel();
      return;
    }
    this.#forgetUnlessTemporary(response.status);
    const failure = await failureOf(response, `upload of ${blob.size - start} bytes`);
    // A token that ran out on the way, or a place in the upload that the registry does not agree on: both mend themselves.
    const isOutdated = response.status === 401 && !this.#wasRefused;
    this.#wasRefused ||= isOutdated;
    if (!isOutdated && !(start > 0 && response.status === 416)) throw failure;
    throw new ConnectionFailure(failure.message, failure);
  }

  #forgetUnlessTemporary(status: number): void {
    if (status < 500 && status !== 429) this.#location = undefined;
  }

  #request(path: string, exchange: Omit<Exchange, 'url' | 'signal'>): Promise<Response> {
    return this.session.request(path, { ...exchange, signal: this.signal }, this.scopes);
  }

  /** An upload may lie with another host, which then goes on from its own addresses. */
  async #locationIn(response: Response, asked: string): Promise<string> {
    const location = response.headers.get('location');
    if (location === null) throw failed(`${this.session.host} does not say where to upload to`);
    const base = asked.startsWith('/') ? `${await this.session.base()}/` : asked;
    if (URL.canParse(location, base)) return new URL(location, base).href;
    throw failed(`${this.session.host} says nonsense about where to upload to: ${JSON.stringify(location)}`);
  }
}

const NOTHING = new Uint8Array(0);
const EMPTY = { 'Content-Length': '0' };
