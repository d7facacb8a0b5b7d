// What this engine does not have (yet), and what it can truthfully say about it.
import { type DockyardError, notBuilt, notFound, unavailable } from '../../lib/errors.ts';
import { filtersOf } from '../filters.ts';
import { json } from '../reply.ts';
import { type Method, type Route, route } from '../route.ts';

const outsideSwarm = () => unavailable('This node is not part of a swarm');
const notManager = () =>
  unavailable(
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
  );

type Refusal = [method: Method, path: string, error: () => DockyardError, since?: string];

/** An engine outside a swarm answers so, whoever built it. */
const swarm: Refusal[] = [
  ['GET', '/swarm', notManager],
  ['GET', '/swarm/unlockkey', notManager],
  ['POST', '/swarm/update', notManager],
  ['POST', '/swarm/unlock', notManager],
  ['POST', '/swarm/leave', outsideSwarm],
  ['GET', '/nodes', notManager],
  ['GET', '/nodes/{id}', notManager],
  ['DELETE', '/nodes/{id}', notManager],
  ['POST', '/nodes/{id}/update', notManager],
  ['GET', '/services', notManager],
  ['POST', '/services/create', notManager],
  ['GET', '/services/{id}', notManager],
  ['GET', '/services/{id}/logs', notManager],
  ['DELETE', '/services/{id}', notManager],
  ['POST', '/services/{id}/update', notManager],
  ['GET', '/tasks', notManager],
  ['GET', '/tasks/{id}', notManager],
  ['GET', '/tasks/{id}/logs', notManager],
  ...objects('/secrets', '1.25'),
  ...objects('/configs', '1.30'),
];

function objects(path: string, since: string): Refusal[] {
  return [
    ['GET', path, notManager, since],
    ['POST', `${path}/create`, notManager, since],
    ['GET', `${path}/{id}`, notManager, since],
    ['DELETE', `${path}/{id}`, notManager, since],
    ['POST', `${path}/{id}/update`, notManager, since],
  ];
}

const unbuilt: Refusal[] = [
  ['POST', '/swarm/init', () => notBuilt('swarms are not built yet')],
  ['POST', '/swarm/join', () => notBuilt('swarms are not built yet')],
  ['POST', '/build', () => notBuilt('building images is not built yet')],
  ['POST', '/build/cancel', () => notBuilt('building images is not built yet')],
  ['POST', '/session', () => notBuilt('building images is not built yet')],
  ['POST', '/grpc', () => notBuilt('building images is not built yet')],
  ['GET', '/containers/{id}/checkpoints', () => notBuilt('checkpoints are not built yet')],
  ['POST', '/containers/{id}/checkpoints', () => notBuilt('checkpoints are not built yet')],
  ['GET', '/plugins/privileges', () => notBuilt('plugins that are installed as images are not built yet')],
  ['POST', '/plugins/pull', () => notBuilt('plugins that are installed as images are not built yet')],
  ['POST', '/plugins/create', () => notBuilt('plugins that are installed as images are not built yet')],
];

export function absentRoutes(): Route[] {
  return [
    ...[...swarm, ...unbuilt].map(([method, path, error, since]) => {
      const refuse = async () => {
        throw error();
      };
      return route(method, path, refuse, { since });
    }),

    // Nobody could have installed one.
    route('GET', '/plugins', async ({ query }) => {
      filtersOf(query, ['enabled', 'capability']);
      return json([]);
    }),
    route('GET', '/plugins/{name:.*}/json', async ({ params }) => noPlugin(params.name)),
    route('DELETE', '/plugins/{name:.*}', async ({ params }) => noPlugin(params.name)),
    ...['enable', 'disable', 'push', 'set', 'upgrade'].map(verb =>
      route('POST', `/plugins/{name:.*}/${verb}` as '/plugins/{name:.*}/verb', async ({ params }) =>
        noPlugin(params.name),
      ),
    ),

    // Without a builder there is no cache to throw away.
    route('POST', '/build/prune', async () => json({ CachesDeleted: [], SpaceReclaimed: 0 }), { since: '1.31' }),
  ];
}

function noPlugin(name: string): never {
  throw notFound(`plugin "${name}" not found`);
}
