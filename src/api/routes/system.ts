// The engine as a whole: /_ping, /version, /info, /events, /system/df, /auth.
import type { Events } from '../../engine/events/events.ts';
import type { DiskUsageKind, System } from '../../engine/system/system.ts';
import { invalid } from '../../lib/errors.ts';
import type { EventMessage } from '../../wire/types.ts';
import { parseFilters } from '../filters.ts';
import type { Query } from '../query.ts';
import { done, JSON_SEQUENCE, json, jsonLines, text } from '../reply.ts';
import { type Route, type RouteRequest, route } from '../route.ts';
import type { ApiVersion } from '../version.ts';
import { diskUsageFor, eventFor, infoFor } from '../versions/system.ts';

const PING_HEADERS = {
  'Cache-Control': 'no-cache, no-store, must-revalidate',
  Pragma: 'no-cache',
  Swarm: 'inactive',
};

const pingHeaders = ({ builderVersion }: System) => ({
  ...PING_HEADERS,
  ...(builderVersion && { 'Builder-Version': builderVersion }),
});

const DISK_USAGE_KINDS: readonly DiskUsageKind[] = ['container', 'image', 'volume', 'build-cache'];

export function systemRoutes(system: System, events: Events): Route[] {
  return [
    route('GET', '/_ping', async () => text('OK', pingHeaders(system))),
    route('HEAD', '/_ping', async () => done({ 'Content-Type': 'text/plain; charset=utf-8', ...pingHeaders(system) })),
    route('OPTIONS', '/{any:.*}', async () => done()),

    route('GET', '/version', async () => json(await system.version())),

    route('GET', '/info', async ({ version }) => json(infoFor(version, await system.info()))),

    route('GET', '/system/df', async ({ query, version }) => {
      const usage = await system.diskUsage(diskUsageKinds(query, version));
      return json(diskUsageFor(version, usage, query.flag('verbose')));
    }),

    route('GET', '/events', async request => {
      const { query, version, signal } = request;
      const since = query.time('since');
      const until = query.time('until');
      if (since !== undefined && until !== undefined && until < since) {
        throw invalid(
          `\`since\` time (${query.text('since')}) cannot be after \`until\` time (${query.text('until')})`,
        );
      }
      const filters = parseFilters(query.text('filters'));
      const stream = events.subscribe({ filters, since, until, signal });
      return jsonLines(adapted(stream, version), eventsType(request));
    }),
  ];
}

function diskUsageKinds(query: Query, version: ApiVersion): ReadonlySet<DiskUsageKind> {
  const asked = version.before('1.42') ? [] : query.all('type');
  if (asked.length === 0) return new Set(DISK_USAGE_KINDS);
  return new Set(
    asked.map(name => {
      const kind = DISK_USAGE_KINDS.find(known => known === name);
      if (!kind) throw invalid(`unknown object type: ${name}`);
      return kind;
    }),
  );
}

async function* adapted(stream: AsyncIterable<EventMessage>, version: ApiVersion): AsyncIterable<unknown> {
  for await (const event of stream) {
    const shown = eventFor(version, event);
    if (shown) yield shown;
  }
}

/** What the client asks for by name; wildcards choose nothing. */
function eventsType({ headers, version }: Pick<RouteRequest, 'headers' | 'version'>): string {
  const accepted = (headers.get('accept') ?? '').split(',').map(part => part.split(';')[0]!.trim().toLowerCase());
  for (const type of ['application/jsonl', 'application/x-ndjson', JSON_SEQUENCE]) {
    if (accepted.includes(type)) return type;
  }
  return version.before('1.52') ? 'application/json' : 'application/jsonl';
}
