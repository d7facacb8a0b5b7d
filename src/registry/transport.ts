// One HTTP exchange with a registry: certificates, proxies, redirects, and connections that stall. Authentication is the
// caller's business (session.ts).
import { errnoOf, failed, messageOf } from '../lib/errors.ts';
import { isJsonObject, type JsonObject } from '../lib/json-object.ts';
import { productVersion } from '../lib/product.ts';
import type { ByteSource } from '../lib/streams.ts';
import { type Endpoint, proxyFor, type RegistryConfig } from './endpoints.ts';
import { ConnectionFailure, shortText } from './failures.ts';

export interface Exchange {
  method: string;
  url: string;
  headers?: Readonly<Record<string, string>>;
  body?: Uint8Array | ByteSource;
  signal?: AbortSignal;
  /** Milliseconds until the answer must begin. */
  patience?: number;
}

const MAX_REDIRECTS = 10;
const MAX_JSON = 4 * 1024 * 1024;
const HEAD_PATIENCE = 60_000;
const STALL_PATIENCE = 60_000;

const USER_AGENT = `dockyard/${productVersion}`;

export class Transport {
  /** It was there once, so it may come back. */
  #hasAnswered = false;

  constructor(
    private readonly endpoint: Endpoint,
    private readonly config: RegistryConfig,
  ) {}

  /** Follows redirects, as far as a request can be made again. Throws ConnectionFailure if there is no answer. */
  async send(exchange: Exchange): Promise<Response> {
    let url = new URL(exchange.url);
    let headers: Record<string, string> = {
      'User-Agent': USER_AGENT,
      'Accept-Encoding': 'identity',
      ...exchange.headers,
    };
    for (let redirects = 0; ; redirects++) {
      const response = await this.#sendOnce({ ...exchange, headers }, url);
      const location = response.headers.get('location');
      if (location === null || !isFollowed(response.status, exchange.body)) return response;
      await response.body?.cancel();
      if (redirects >= MAX_REDIRECTS) throw final(`${url.host} redirects without end`);
      const next = new URL(location, url);
      this.#checkRedirect(url, next);
      // Credentials are for the host that asked for them, and for no other.
      if (next.origin !== url.origin) headers = withoutCredentials(headers);
      url = next;
    }
  }

  #checkRedirect(from: URL, to: URL): void {
    if (to.protocol !== 'https:' && to.protocol !== 'http:') {
      throw final(`${from.host} redirects to ${to.protocol}, which is not followed`);
    }
    if (from.protocol === 'https:' && to.protocol === 'http:' && !this.endpoint.insecure) {
      throw final(`${from.host} redirects to plain HTTP, which is not followed`);
    }
  }

  async #sendOnce(exchange: Exchange, url: URL): Promise<Response> {
    const { method, headers, body, signal, patience = HEAD_PATIENCE } = exchange;
    const impatient = new AbortController();
    const timer = setTimeout(() => impatient.abort(), patience);
    try {
      const response = await fetch(url, {
        method,
        headers: { ...headers },
        // Bun sends what an async iterable yields, at the registry's pace.
        body: body as Uint8Array<ArrayBuffer> | undefined,
        redirect: 'manual',
        decompress: false,
        proxy: proxyFor(url, this.config),
        tls: this.#tls(url),
        signal: signal ? AbortSignal.any([signal, impatient.signal]) : impatient.signal,
      });
      this.#hasAnswered = true;
      return response;
    } catch (error) {
      signal?.throwIfAborted();
      if (impatient.signal.aborted) {
        throw new ConnectionFailure(`${url.host} does not answer`, error, { isTemporary: this.#hasAnswered });
      }
      throw this.#failure(url, error);
    } finally {
      clearTimeout(timer);
    }
  }

  #failure(url: URL, error: unknown): ConnectionFailure {
    const proxy = proxyFor(url, this.config);
    const way = proxy === undefined ? '' : ` by the proxy ${new URL(proxy).origin}`;
    const problem = `could not reach ${url.host}${way}: ${reasonOf(error)}`;
    if (!isCertificateProblem(error)) {
      return new ConnectionFailure(problem, error, {
        isTemporary: !isRefusedTunnel(error) && (this.#hasAnswered || !isAbsence(error)),
      });
    }
    const [directory] = this.config.certificateDirectories;
    const place =
      directory === undefined ? '' : `; its authority's certificate belongs into ${directory}/${url.host}/ca.crt`;
    return new ConnectionFailure(`${problem}${place}`, error, { isTemporary: false });
  }

  #tls(url: URL): Bun.TLSOptions & { rejectUnauthorized?: boolean } {
    if (url.protocol !== 'https:') return {};
    const { insecure, certificates, host } = this.endpoint;
    // Where a redirect leads is somebody else's: the registry's own certificates mean nothing there.
    if (url.host !== host) return insecure ? { rejectUnauthorized: false } : {};
    return {
      ...(insecure && { rejectUnauthorized: false }),
      ...(certificates.authorities.length > 0 && { ca: [...certificates.authorities] }),
      ...(certificates.client && { cert: certificates.client.certificate, key: certificates.client.key }),
    };
  }
}

const final = (message: string) => new ConnectionFailure(message, undefined, { isTemporary: false });

/** Only two kinds of redirect mean the same request with its body; and a stream is gone. */
function isFollowed(status: number, body: Exchange['body']): boolean {
  if (status === 307 || status === 308) return body === undefined || body instanceof Uint8Array;
  return [301, 302, 303].includes(status) && body === undefined;
}

/** A body that throws ConnectionFailure when it breaks off, or when nothing comes for a while. */
export async function* bodyOf(
  response: Response,
  host: string,
  signal?: AbortSignal,
  patience = STALL_PATIENCE,
): ByteSource {
  const reader = response.body?.getReader();
  if (!reader) return;
  try {
    for (;;) {
      const { promise: stalled, reject } = Promise.withResolvers<never>();
      const timer = setTimeout(() => reject(new ConnectionFailure(`${host} stopped sending`)), patience);
      try {
        const { value, done } = await Promise.race([reader.read(), stalled]);
        if (done) return;
        yield value;
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof ConnectionFailure) throw error;
        throw new ConnectionFailure(`the connection to ${host} broke: ${reasonOf(error)}`, error);
      } finally {
        clearTimeout(timer);
      }
    }
  } finally {
    reader.cancel().catch(() => {
      // It broke already.
    });
  }
}

/** A small JSON object. */
export async function shortJson(response: Response, what: string): Promise<JsonObject> {
  const text = await shortText(response, MAX_JSON);
  try {
    const value: unknown = JSON.parse(text);
    if (isJsonObject(value)) return value;
  } catch (error) {
    throw failed(`${what}: the answer is no JSON`, error);
  }
  throw failed(`${what}: the answer is no JSON object`);
}

function withoutCredentials(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !/^(authorization|cookie)$/i.test(name)));
}

const reasons: Record<string, string> = {
  ConnectionRefused: 'connection refused',
  ECONNREFUSED: 'connection refused',
  ENOTFOUND: 'no such host',
  FailedToOpenSocket: 'no such host, or no way to it',
  ECONNRESET: 'connection reset by peer',
  ConnectionClosed: 'connection closed by peer',
  ETIMEDOUT: 'connection timed out',
  EPROTO: 'the TLS handshake failed: nothing there speaks TLS, or it wants a client certificate (certs.d)',
};

const absences = new Set(['ConnectionRefused', 'ECONNREFUSED', 'ENOTFOUND', 'FailedToOpenSocket', 'EPROTO']);

/** As the first that is heard of a host: nothing is there that would come back. */
const isAbsence = (error: unknown) => absences.has(errnoOf(error) ?? '');

/** Such as 407, by which a proxy wants to know who asks. */
const isRefusedTunnel = (error: unknown) => errnoOf(error) === 'ERR_PROXY_TUNNEL' && /: 4\d\d/.test(messageOf(error));

/** As OpenSSL names what it finds wrong with a chain. */
const certificateProblem = /^(UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_|ERR_TLS_CERT_)/;

const isCertificateProblem = (error: unknown) => certificateProblem.test(errnoOf(error) ?? '');

function reasonOf(error: unknown): string {
  if (/tunnel: 407/.test(messageOf(error))) {
    return '407 Proxy Authentication Required: user and password belong into the URL of the proxy';
  }
  return reasons[errnoOf(error) ?? ''] ?? messageOf(error);
}
