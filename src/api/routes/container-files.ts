// /containers: their files.
import type { Containers, PathStat } from '../../engine/containers/containers.ts';
import { invalid } from '../../lib/errors.ts';
import type { Query } from '../query.ts';
import { created, done, json, stream } from '../reply.ts';
import { type Route, route } from '../route.ts';

export function containerFileRoutes(containers: Containers): Route[] {
  return [
    route('HEAD', '/containers/{id:.*}/archive', async ({ params, query }) => {
      return done(statHeader(await containers.statPath(params.id, pathOf(query))));
    }),

    route('GET', '/containers/{id:.*}/archive', async ({ params, query, signal }) => {
      const { stat, archive } = await containers.getArchive(params.id, pathOf(query), signal);
      return stream('application/x-tar', archive, statHeader(stat));
    }),

    route('PUT', '/containers/{id:.*}/archive', async ({ params, query, body }) => {
      await containers.putArchive(params.id, pathOf(query), body, {
        noOverwriteDirNonDir: query.flag('noOverwriteDirNonDir'),
        copyUidGid: query.flag('copyUIDGID'),
      });
      return done();
    }),

    route('GET', '/containers/{id:.*}/export', async ({ params, signal }) => {
      return stream('application/octet-stream', await containers.export(params.id, signal));
    }),

    route('GET', '/containers/{id:.*}/changes', async ({ params }) => json(await containers.changes(params.id))),

    route('POST', '/commit', async request => {
      const { query } = request;
      const config = await request.json('ContainerConfig');
      const id = await containers.commit({
        container: query.text('container'),
        repo: query.text('repo'),
        tag: query.text('tag'),
        comment: query.text('comment'),
        author: query.text('author'),
        pause: query.flag('pause', true),
        changes: query.all('changes'),
        config: Object.keys(config).length > 0 ? config : undefined,
      });
      return created({ Id: id });
    }),
  ];
}

function pathOf(query: Query): string {
  const path = query.text('path');
  if (path === '') throw invalid('bad parameter: path cannot be empty');
  return path;
}

function statHeader(stat: PathStat): Record<string, string> {
  return { 'X-Docker-Container-Path-Stat': Buffer.from(JSON.stringify(stat)).toString('base64') };
}
