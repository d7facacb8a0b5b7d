// /volumes
import type { Volumes } from '../../engine/volumes/volumes.ts';
import { unavailable } from '../../lib/errors.ts';
import { parseFilters } from '../filters.ts';
import { created, json, noContent } from '../reply.ts';
import { type Route, route } from '../route.ts';

export function volumeRoutes(volumes: Volumes): Route[] {
  return [
    route('GET', '/volumes', async ({ query }) => json(await volumes.list(parseFilters(query.text('filters'))))),

    route('POST', '/volumes/create', async request => {
      return created(await volumes.create(await request.json('VolumeCreateRequest')));
    }),

    route('POST', '/volumes/prune', async ({ query, version }) => {
      const filters = parseFilters(query.text('filters'));
      // Before 1.42 there was no difference between named and anonymous volumes.
      return json(await volumes.prune(version.before('1.42') ? { ...filters, all: ['true'] } : filters));
    }),

    route('GET', '/volumes/{name:.*}', async ({ params }) => json(await volumes.inspect(params.name))),

    route(
      'PUT',
      '/volumes/{name:.*}',
      async () => {
        throw unavailable('volume update only valid for cluster volumes, but swarm is unavailable');
      },
      { since: '1.42' },
    ),

    route('DELETE', '/volumes/{name:.*}', async ({ params, query }) => {
      await volumes.remove(params.name, { force: query.flag('force') });
      return noContent();
    }),
  ];
}
