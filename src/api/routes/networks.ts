// /networks
import type { NetworkDirectory } from '../../engine/networks/networks.ts';
import { parseFilters } from '../filters.ts';
import { created, done, json, noContent } from '../reply.ts';
import { type Route, route } from '../route.ts';

export function networkRoutes(networks: NetworkDirectory): Route[] {
  return [
    route('GET', '/networks', async ({ query, version }) => {
      const list = await networks.list(parseFilters(query.text('filters')));
      if (!version.before('1.28')) return json(list);
      // The list said all that inspect says.
      return json(await Promise.all(list.map(({ Id }) => networks.inspect(Id ?? '', { verbose: false, scope: '' }))));
    }),

    route('POST', '/networks/create', async request => {
      const asked = await request.json('NetworkCreateRequest');
      // Before 1.48 there was no network without IPv4.
      return created(
        await networks.create(request.version.before('1.48') ? { ...asked, EnableIPv4: undefined } : asked),
      );
    }),

    route(
      'POST',
      '/networks/prune',
      async ({ query }) => json(await networks.prune(parseFilters(query.text('filters')))),
      {
        since: '1.25',
      },
    ),

    route('POST', '/networks/{id:.*}/connect', async request => {
      await networks.connect(request.params.id, await request.json('NetworkConnectRequest'));
      return done();
    }),

    route('POST', '/networks/{id:.*}/disconnect', async request => {
      await networks.disconnect(request.params.id, await request.json('NetworkDisconnectRequest'));
      return done();
    }),

    route('GET', '/networks/{id:.*}', async ({ params, query, version }) => {
      const { Status, ...described } = await networks.inspect(params.id, {
        verbose: query.flag('verbose'),
        scope: query.text('scope'),
      });
      return json(version.before('1.52') ? described : { ...described, Status });
    }),

    route('DELETE', '/networks/{id:.*}', async ({ params }) => {
      await networks.remove(params.id);
      return noContent();
    }),
  ];
}
