// A route: one line of a table. Its handler parses the request, calls one method of the engine, and says what to answer.
//
//   export function volumeRoutes(volumes: Volumes): Route[] {
//     return [
//       route('GET', '/volumes/{name:.*}', async ({ params }) => json(await volumes.inspect(params.name))),
//       route('POST', '/volumes/create', async request => created(await volumes.create(await request.json('VolumeCreateRequest')))),
//       route('DELETE', '/volumes/{name:.*}', async ({ params, query }) => {
//         await volumes.remove(params.name, { force: query.flag('force') });
//         return noContent();
//       }),
//     ];
//   }
import type { RequestBodies } from '../wire/shapes.ts';
import type { HttpRequest, Reply } from './http/message.ts';
import type { Query } from './query.ts';
import type { ApiVersion } from './version.ts';

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE' | 'OPTIONS';

/** A request that found its route. Field names of `Params` come from the path's braces. */
export interface RouteRequest<Params extends string = string> extends HttpRequest {
  readonly version: ApiVersion;
  readonly params: Readonly<Record<Params, string>>;
  readonly query: Query;
  /** The body, checked against its shape in wire/shapes.ts. */
  json<Name extends keyof RequestBodies>(name: Name): Promise<RequestBodies[Name]>;
}

export interface Route {
  readonly method: Method;
  readonly path: string;
  /** The version it came with; older clients get 404. */
  readonly since: string | undefined;
  handle(request: RouteRequest): Promise<Reply>;
}

/** The names in a path: `/containers/{id}/json` has 'id'. */
type PathParams<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? (Name extends `${infer Plain}:${string}` ? Plain : Name) | PathParams<Rest>
  : never;

/** `{name}` matches one segment, `{name:.*}` also slashes. The first route of a table that matches wins. */
export function route<const Path extends string>(
  method: Method,
  path: Path,
  handle: (request: RouteRequest<PathParams<Path>>) => Promise<Reply>,
  options: { since?: string } = {},
): Route {
  return { method, path, since: options.since, handle };
}
