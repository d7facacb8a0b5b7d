// From a request to its route: the version in the path, the table, and what is answered when nothing fits.
import { invalid, messageOf } from '../lib/errors.ts';
import { log } from '../lib/logger.ts';
import { OLDEST_API } from '../wire/api-version.ts';
import { errorReply, messageReply } from './errors.ts';
import type { HttpHandler, HttpRequest, Reply } from './http/message.ts';
import { readJson } from './json.ts';
import { Query, unescapeUrl } from './query.ts';
import type { Route } from './route.ts';
import { ApiVersion, requestVersion } from './version.ts';

/** What proxies call "client closed request"; nobody is there to read it. */
const CLIENT_GONE = 499;

const ANYWHERE = '*';

interface CompiledRoute {
  route: Route;
  pattern: RegExp;
}

interface Target {
  path: string;
  query: string;
}

export function createRouter(routes: readonly Route[]): HttpHandler {
  const table = new RouteTable(routes);
  return async request => {
    log.debug(`Calling ${request.method} ${request.target}`);
    let version: string | undefined;
    try {
      const target = splitTarget(request.target);
      const path = unescapeUrl(target.path);
      const clean = cleanPath(path);
      if (clean !== path) return redirect(clean, target.query);
      const found = table.find(request.method, path);
      if (!found) return messageReply(404, 'page not found');
      version = found.version;
      return await dispatch(found, target.query, request);
    } catch (error) {
      if (request.signal.aborted) {
        log.info('the client went away before its answer', {
          method: request.method,
          url: request.target,
          error: messageOf(error),
        });
        return messageReply(CLIENT_GONE, messageOf(error));
      }
      const reply = errorReply(error, request);
      // A client this old prints the body as it is.
      return version !== undefined && new ApiVersion(version).before(OLDEST_API) ? plainText(reply, error) : reply;
    }
  };
}

async function dispatch(
  { route, params, version: prefix }: Match,
  query: string,
  request: HttpRequest,
): Promise<Reply> {
  const version = requestVersion(prefix);
  if (route.since !== undefined && version.before(route.since)) {
    throw invalid(`${route.method} ${route.path} requires minimum API version ${route.since}`);
  }
  return route.handle({
    method: request.method,
    target: request.target,
    headers: request.headers,
    body: request.body,
    bodyLength: request.bodyLength,
    get signal() {
      return request.signal;
    },
    version,
    params,
    query: new Query(query),
    json: name => readJson(request, name),
  });
}

interface Match {
  route: Route;
  params: Record<string, string>;
  version: string | undefined;
}

/** Routes by method and first segment, so that finding one does not try them all. */
class RouteTable {
  readonly #byStart = new Map<string, CompiledRoute[]>();

  constructor(routes: readonly Route[]) {
    for (const route of routes) {
      const key = route.path.startsWith('/{') ? `${route.method} ${ANYWHERE}` : startOf(route.method, route.path);
      const compiled = { route, pattern: compile(route.path) };
      const others = this.#byStart.get(key);
      if (others) others.push(compiled);
      else this.#byStart.set(key, [compiled]);
    }
  }

  find(method: string, path: string): Match | undefined {
    const versioned = /^\/v([0-9.]+)(\/.*)$/s.exec(path);
    if (versioned) {
      const found = this.#match(method, versioned[2]!);
      if (found) return { ...found, version: versioned[1] };
    }
    const found = this.#match(method, path);
    return found && { ...found, version: undefined };
  }

  #match(method: string, path: string): Omit<Match, 'version'> | undefined {
    for (const key of [startOf(method, path), `${method} ${ANYWHERE}`]) {
      for (const { route, pattern } of this.#byStart.get(key) ?? []) {
        const match = pattern.exec(path);
        if (match) return { route, params: match.groups ?? {} };
      }
    }
    return undefined;
  }
}

function startOf(method: string, path: string): string {
  const slash = path.indexOf('/', 1);
  return `${method} ${slash < 0 ? path : path.slice(0, slash)}`;
}

function compile(path: string): RegExp {
  const pattern = path
    .split(/(\{\w+(?::\.\*)?\})/)
    .map(part => {
      const name = /^\{(\w+)(:\.\*)?\}$/.exec(part);
      if (!name) return RegExp.escape(part);
      return `(?<${name[1]}>${name[2] ? '.*' : '[^/]+'})`;
    })
    .join('');
  return new RegExp(`^${pattern}$`, 's');
}

/** A target may be a whole URL, as sent to proxies. */
function splitTarget(target: string): Target {
  const local = target.replace(/^https?:\/\/[^/?]*/i, '');
  const mark = local.indexOf('?');
  return mark < 0 ? { path: local, query: '' } : { path: local.slice(0, mark), query: local.slice(mark + 1) };
}

/** Without empty, '.' and '..' segments; a slash at the end stays. */
function cleanPath(path: string): string {
  if (!/\/\/|\/\.\.?(\/|$)/.test(path) && path.startsWith('/')) return path;
  const segments: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') segments.pop();
    else if (segment !== '' && segment !== '.') segments.push(segment);
  }
  return `/${segments.join('/')}${segments.length > 0 && path.endsWith('/') ? '/' : ''}`;
}

function redirect(path: string, query: string): Reply {
  const location = encodeURI(path) + (query === '' ? '' : `?${query}`);
  return { status: 301, headers: { Location: location }, body: { kind: 'none' } };
}

function plainText(reply: Reply, error: unknown): Reply {
  return {
    ...reply,
    headers: { ...reply.headers, 'Content-Type': 'text/plain; charset=utf-8' },
    body: { kind: 'bytes', data: Buffer.from(`${messageOf(error)}\n`) },
  };
}
