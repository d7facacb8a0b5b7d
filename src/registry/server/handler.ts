// The registry's requests: which is which, and what it answers.

import { messageOf } from '../../lib/errors.ts';
import { log } from '../../lib/logger.ts';
import type { BasicAuth } from './basic-auth.ts';
import { BlobRequests } from './blob-requests.ts';
import { page, repositories } from './catalog.ts';
import { RegistryError } from './errors.ts';
import { ManifestRequests } from './manifest-requests.ts';
import { repositoryName } from './names.ts';
import type { Origin } from './origin.ts';
import type { RegistryStore } from './store.ts';

export interface HandlerOptions {
  store: RegistryStore;
  auth?: BasicAuth;
  readOnly?: boolean;
  /** What is not here is looked for there. */
  origin?: Origin;
}

/** A request after its address was understood. */
export interface Call {
  request: Request;
  url: URL;
  /** What the address holds beside the repository's name: a digest, a tag, an upload's id. */
  rest: string;
}

type Route = { pattern: RegExp; methods: Record<string, (name: string, call: Call) => Promise<Response>> };

const CATALOG_PAGE = 1000;
const VERSION = { 'Docker-Distribution-Api-Version': 'registry/2.0' };
const READING = ['GET', 'HEAD'];

export class Handler {
  readonly #routes: Route[];

  constructor(private readonly options: HandlerOptions) {
    const { store, origin } = options;
    const blobs = new BlobRequests(store, origin);
    const manifests = new ManifestRequests(store, origin);
    const named = (run: (name: ReturnType<typeof repositoryName>, call: Call) => Promise<Response>) => {
      return (name: string, call: Call) => run(repositoryName(name), call);
    };
    this.#routes = [
      { pattern: /^\/v2()()\/?$/, methods: { GET: async () => Response.json({}) } },
      { pattern: /^\/v2\/()_catalog()$/, methods: { GET: (_, call) => this.#catalog(call) } },
      {
        pattern: /^\/v2\/(.+)\/blobs\/uploads\/?()$/,
        methods: { POST: named((name, call) => blobs.start(name, call)) },
      },
      {
        pattern: /^\/v2\/(.+)\/blobs\/uploads\/([^/]+)$/,
        methods: {
          GET: named((name, call) => blobs.status(name, call)),
          PATCH: named((name, call) => blobs.append(name, call)),
          PUT: named((name, call) => blobs.finish(name, call)),
          DELETE: named((name, call) => blobs.cancel(name, call)),
        },
      },
      {
        pattern: /^\/v2\/(.+)\/blobs\/([^/]+)$/,
        methods: {
          GET: named((name, call) => blobs.get(name, call)),
          DELETE: named((name, call) => blobs.delete(name, call)),
        },
      },
      {
        pattern: /^\/v2\/(.+)\/manifests\/([^/]+)$/,
        methods: {
          GET: named((name, call) => manifests.get(name, call)),
          PUT: named((name, call) => manifests.put(name, call)),
          DELETE: named((name, call) => manifests.delete(name, call)),
        },
      },
      {
        pattern: /^\/v2\/(.+)\/tags\/list()$/,
        methods: { GET: named((name, call) => manifests.tags(name, call)) },
      },
      {
        pattern: /^\/v2\/(.+)\/referrers\/([^/]+)$/,
        methods: { GET: named((name, call) => manifests.referrers(name, call)) },
      },
    ];
  }

  async handle(request: Request): Promise<Response> {
    const response = await this.#answer(request);
    for (const [name, value] of Object.entries(VERSION)) response.headers.set(name, value);
    log.debug('request', { method: request.method, url: request.url, status: response.status });
    return response;
  }

  async #answer(request: Request): Promise<Response> {
    try {
      const url = new URL(request.url);
      const path = decodedPath(url);
      if (!/^\/v2(?:\/|$)/.test(path)) return new Response('404 page not found\n', { status: 404 });
      await this.options.auth?.check(request);
      return await this.#dispatch(request, url, path);
    } catch (error) {
      if (error instanceof RegistryError) return error.response();
      // A client that went away in the middle of its upload hears nothing, and it is nobody's fault.
      if (request.signal.aborted) return new RegistryError('UNKNOWN', 'the request was broken off').response();
      log.error('request failed', { method: request.method, url: request.url, error: messageOf(error) });
      return new RegistryError('UNKNOWN', 'internal error').response();
    }
  }

  #dispatch(request: Request, url: URL, path: string): Promise<Response> {
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    for (const { pattern, methods } of this.#routes) {
      const match = pattern.exec(path);
      if (!match) continue;
      const run = Object.hasOwn(methods, method) ? methods[method] : undefined;
      if (!run) throw unsupported('the operation is unsupported', Object.keys(methods));
      if (!READING.includes(method)) this.#checkWritable();
      return run(match[1]!, { request, url, rest: match[2]! });
    }
    throw new RegistryError('NAME_UNKNOWN', 'there is nothing at this address');
  }

  #checkWritable(): void {
    if (this.options.readOnly) throw unsupported('this registry is read-only', READING);
    if (this.options.origin) throw unsupported('this registry is a cache of another one: push there', READING);
  }

  async #catalog({ url }: Call): Promise<Response> {
    const all = await repositories(this.options.store.layout);
    const { items, link } = page(all, url.searchParams, '/v2/_catalog', CATALOG_PAGE);
    return Response.json({ repositories: items }, { headers: link === undefined ? {} : { Link: link } });
  }
}

function unsupported(message: string, allowed: readonly string[]): RegistryError {
  return new RegistryError('UNSUPPORTED', message, { headers: { Allow: allowed.join(', ') } });
}

function decodedPath(url: URL): string {
  try {
    return decodeURIComponent(url.pathname);
  } catch {
    // Not UTF-8 behind the percent signs: no name is like that.
    throw new RegistryError('NAME_INVALID', 'malformed address');
  }
}
