// Talking to one registry as one user: finds out how it is reached, answers its challenges, keeps its tokens.
import { failed, forbidden, unauthorized } from '../lib/errors.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import type { Endpoint, RegistryConfig } from './endpoints.ts';
import { ConnectionFailure, failureOf } from './failures.ts';
import { DEFAULT_ATTEMPTS, retrying } from './retry.ts';
import { type Exchange, shortJson, Transport } from './transport.ts';

export interface Credentials {
  username: string;
  password: string;
  /** A refresh token, instead of a password. */
  identityToken: string;
  /** A ready-made token for the registry itself. */
  registryToken: string;
}

export const NO_CREDENTIALS: Credentials = { username: '', password: '', identityToken: '', registryToken: '' };

/** Used up a little early, so that it does not expire on the way. */
const TOKEN_SLACK = 5_000;
const DEFAULT_TOKEN_LIFE = 60;
const CLIENT_ID = 'docker';

interface Token {
  value: string;
  expires: number;
}

export class RegistrySession {
  readonly #transport: Transport;
  #base: string | undefined;
  #challenge: Challenge | undefined;
  readonly #tokens = new Map<string, Promise<Token>>();
  /** What the token server gave for later, when it was asked to. */
  identityToken = '';

  constructor(
    readonly endpoint: Endpoint,
    private readonly credentials: Credentials,
    config: RegistryConfig,
  ) {
    this.#transport = new Transport(endpoint, config);
  }

  get host(): string {
    return this.endpoint.host;
  }

  /** Where the registry is; for one that may be insecure, found out by asking. */
  async base(signal?: AbortSignal): Promise<string> {
    if (this.#base !== undefined) return this.#base;
    const { bases } = this.endpoint;
    if (bases.length === 1) {
      this.#base = bases[0]!;
      return this.#base;
    }
    let failure: unknown;
    for (const base of bases) {
      try {
        const response = await this.#transport.send({ method: 'GET', url: `${base}/v2/`, signal });
        this.#noteChallenge(response);
        await response.body?.cancel();
        this.#base = base;
        return base;
      } catch (error) {
        if (!(error instanceof ConnectionFailure)) throw error;
        failure ??= error;
        // What refuses the connection has nothing on the same port in plain either, so the first complaint tells more.
        if (/refused|no such host/.test(error.message)) break;
      }
    }
    throw failure;
  }

  /** `path` begins with /v2/, or is a whole URL that the registry gave. `scopes` are what a token must allow. */
  async request(path: string, exchange: Omit<Exchange, 'url'>, scopes: readonly string[]): Promise<Response> {
    const base = await this.base(exchange.signal);
    const url = path.startsWith('/') ? `${base}${path}` : path;
    const sameOrigin = new URL(url).origin === new URL(base).origin;
    // A place elsewhere that the registry sent us to has its permission in the URL.
    if (!sameOrigin) return this.#transport.send({ ...exchange, url });
    const authorization = await this.#authorization(scopes, exchange.signal);
    const response = await this.#sendAuthorized(url, exchange, authorization);
    if (response.status !== 401 || !this.#noteChallenge(response)) return response;
    // The first request learns what is wanted; later ones may find their token expired or too narrow.
    const body = exchange.body;
    if (body !== undefined && !(body instanceof Uint8Array)) {
      // It can't be sent again from here, but whoever sends the next one needs another token.
      this.#tokens.clear();
      return response;
    }
    const again = await this.#authorization(scopes, exchange.signal, authorization);
    if (again === undefined || again === authorization) return response;
    await response.body?.cancel();
    return this.#sendAuthorized(url, exchange, again);
  }

  /** Makes sure that a request with a body that can be read only once will not be refused for want of a token. */
  async authorize(scopes: readonly string[], signal?: AbortSignal): Promise<void> {
    const base = await this.base(signal);
    if (!this.#challenge) {
      const response = await this.#transport.send({ method: 'GET', url: `${base}/v2/`, signal });
      this.#noteChallenge(response);
      await response.body?.cancel();
    }
    await this.#authorization(scopes, signal);
  }

  /** For `docker login`: throws unless the registry accepts the credentials. Returns an identity token, if it has such. */
  async verify(signal?: AbortSignal): Promise<string> {
    await retrying({ attempts: DEFAULT_ATTEMPTS }, signal, async () => {
      const response = await this.request('/v2/', { method: 'GET', signal }, []);
      if (!response.ok) throw await failureOf(response, `login attempt to ${await this.base()}/v2/ failed`);
      await response.body?.cancel();
    });
    return this.identityToken;
  }

  async #sendAuthorized(
    url: string,
    exchange: Omit<Exchange, 'url'>,
    authorization: string | undefined,
  ): Promise<Response> {
    const headers = { ...exchange.headers, ...(authorization !== undefined && { Authorization: authorization }) };
    return this.#transport.send({ ...exchange, url, headers });
  }

  /** True if the answer says how to do better. */
  #noteChallenge(response: Response): boolean {
    if (response.status !== 401) return false;
    const challenges = parseChallenges(response.headers.get('www-authenticate') ?? '');
    const usable =
      challenges.find(({ scheme }) => scheme === 'bearer') ?? challenges.find(({ scheme }) => scheme === 'basic');
    if (usable) this.#challenge = usable;
    return usable !== undefined;
  }

  /** `refused` was not good enough: a fresh one is got. */
  async #authorization(
    scopes: readonly string[],
    signal: AbortSignal | undefined,
    refused?: string,
  ): Promise<string | undefined> {
    const { username, password, registryToken } = this.credentials;
    if (registryToken !== '') return `Bearer ${registryToken}`;
    if (!this.#challenge) return undefined;
    if (this.#challenge.scheme === 'basic') {
      if (username === '' && password === '') {
        // Not an authentication error: Docker's client would ask for a password in the middle of a script.
        if (refused === undefined) throw failed('no basic auth credentials');
        return undefined;
      }
      return basic(username, password);
    }
    // The registry may ask for more than we thought of.
    const wanted = [...new Set([...scopes, ...(this.#challenge.parameters['scope']?.split(' ') ?? [])])].filter(
      Boolean,
    );
    const key = wanted.sort().join(' ');
    let token = await this.#tokens.get(key);
    if (!token || token.expires < Date.now() || `Bearer ${token.value}` === refused) {
      const fetching = this.#fetchToken(this.#challenge.parameters, wanted, signal);
      this.#tokens.set(key, fetching);
      fetching.catch(() => this.#tokens.delete(key));
      token = await fetching;
    }
    return `Bearer ${token.value}`;
  }

  async #fetchToken(
    { realm = '', service = '' }: Readonly<Record<string, string>>,
    scopes: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<Token> {
    const url = this.#tokenUrl(realm);
    const { username, password, identityToken } = this.credentials;
    const response = identityToken
      ? await this.#postToken(url, service, scopes, identityToken, signal)
      : await this.#getToken(url, service, scopes, signal);
    if (!response.ok) throw await failureOf(response, `token server ${url.host}`);
    const json = await shortJson(response, `token server ${url.host}`);
    const value = json['token'] || json['access_token'];
    if (typeof value !== 'string' || value === '')
      throw unauthorized('authorization server did not include a token in the response');
    if (typeof json['refresh_token'] === 'string' && (username || password)) this.identityToken = json['refresh_token'];
    const life =
      typeof json['expires_in'] === 'number' ? Math.max(json['expires_in'], DEFAULT_TOKEN_LIFE) : DEFAULT_TOKEN_LIFE;
    return { value, expires: Date.now() + life * 1000 - TOKEN_SLACK };
  }

  #tokenUrl(realm: string): URL {
    if (!URL.canParse(realm)) throw unauthorized(`${this.host} wants a token, but does not say from where`);
    const url = new URL(realm);
    if (url.protocol !== 'https:' && !(url.protocol === 'http:' && this.endpoint.insecure)) {
      throw forbidden(`${this.host} asks to send credentials to ${url.origin}, which is not secure`);
    }
    return url;
  }

  #getToken(url: URL, service: string, scopes: readonly string[], signal: AbortSignal | undefined): Promise<Response> {
    const { username, password } = this.credentials;
    const asked = new URL(url);
    if (service !== '') asked.searchParams.set('service', service);
    for (const scope of scopes) asked.searchParams.append('scope', scope);
    if (username !== '') {
      asked.searchParams.set('account', username);
      asked.searchParams.set('offline_token', 'true');
      asked.searchParams.set('client_id', CLIENT_ID);
    }
    const headers: Record<string, string> = username || password ? { Authorization: basic(username, password) } : {};
    return this.#transport.send({ method: 'GET', url: asked.href, headers, signal });
  }

  #postToken(
    url: URL,
    service: string,
    scopes: readonly string[],
    identityToken: string,
    signal: AbortSignal | undefined,
  ): Promise<Response> {
    const form = new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: identityToken,
      service,
      scope: scopes.join(' '),
      client_id: CLIENT_ID,
    });
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
    return this.#transport.send({ method: 'POST', url: url.href, headers, body: Buffer.from(form.toString()), signal });
  }
}

function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
