// /containers: their life. Streams are in container-streams.ts, files in container-files.ts.
import type { Containers, WaitCondition, WaitResult } from '../../engine/containers/containers.ts';
import { invalid, notBuilt } from '../../lib/errors.ts';
import type { ByteSource } from '../../lib/streams.ts';
import { filtersOf } from '../filters.ts';
import type { Query } from '../query.ts';
import { created, done, json, noContent, stream } from '../reply.ts';
import { type Route, type RouteRequest, route } from '../route.ts';
import { signatureRequired } from '../signature-required.ts';
import { createFrom } from '../versions/container-create.ts';
import { inspectFor, summaryFor, updateFrom } from '../versions/containers.ts';

const LIST_FILTERS = [
  'ancestor',
  'before',
  'exited',
  'expose',
  'health',
  'id',
  'is-task',
  'isolation',
  'label',
  'name',
  'network',
  'publish',
  'since',
  'status',
  'volume',
];

export function containerRoutes(containers: Containers): Route[] {
  return [
    route('GET', '/containers/json', async ({ query, version }) => {
      const list = await containers.list({
        all: query.flag('all'),
        limit: query.integer('limit'),
        size: query.flag('size'),
        filters: filtersOf(query, LIST_FILTERS),
      });
      return json(list.map(summary => summaryFor(version, summary)));
    }),

    route('POST', '/containers/create', async request => {
      const { create, warnings } = createFrom(
        request.version,
        request.query,
        await request.json('ContainerCreateRequest'),
      );
      const answer = await containers.create({ ...create, signatureRequired: signatureRequired(request.headers) });
      return created({ ...answer, Warnings: [...answer.Warnings, ...warnings] });
    }),

    route('GET', '/containers/{id:.*}/json', async ({ params, query, version }) => {
      return json(inspectFor(version, await containers.inspect(params.id, { size: query.flag('size') })));
    }),

    route('GET', '/containers/{id:.*}/top', async ({ params, query }) => {
      return json(await containers.top(params.id, query.text('ps_args')));
    }),

    route('POST', '/containers/{id:.*}/start', async ({ params, query, bodyLength }) => {
      // "{}" and "null" came from clients that always sent something.
      if (bodyLength === undefined || bodyLength > 7) {
        throw invalid('starting a container takes no request body since API 1.24');
      }
      if (query.text('checkpoint') !== '') throw notBuilt('checkpoints are not built yet');
      await containers.start(params.id, { detachKeys: query.text('detachKeys') || undefined });
      return noContent();
    }),

    route('POST', '/containers/{id:.*}/stop', async request => {
      await containers.stop(request.params.id, stopOptions(request));
      return noContent();
    }),

    route('POST', '/containers/{id:.*}/restart', async request => {
      await containers.restart(request.params.id, stopOptions(request));
      return noContent();
    }),

    route('POST', '/containers/{id:.*}/kill', async ({ params, query }) => {
      await containers.kill(params.id, { signal: query.text('signal') || undefined });
      return noContent();
    }),

    route('POST', '/containers/{id:.*}/pause', async ({ params }) => {
      await containers.pause(params.id);
      return noContent();
    }),

    route('POST', '/containers/{id:.*}/unpause', async ({ params }) => {
      await containers.unpause(params.id);
      return noContent();
    }),

    route('POST', '/containers/{id:.*}/wait', async ({ params, query, version, signal }) => {
      const { result } = containers.wait(
        params.id,
        version.before('1.30') ? 'not-running' : waitCondition(query),
        signal,
      );
      if (version.before('1.30')) return json(waitAnswer(await result));
      // The head goes out at once: it tells the client that its wait has begun.
      return stream('application/json', encodeWait(result));
    }),

    route('POST', '/containers/{id:.*}/rename', async ({ params, query }) => {
      await containers.rename(params.id, query.text('name'));
      return noContent();
    }),

    route('POST', '/containers/{id:.*}/resize', async ({ params, query }) => {
      await containers.resize(params.id, query.size('h'), query.size('w'));
      return done();
    }),

    route('POST', '/containers/{id:.*}/update', async request => {
      const update = updateFrom(request.version, await request.json('ContainerUpdateRequest'));
      return json(await containers.update(request.params.id, update));
    }),

    route(
      'POST',
      '/containers/prune',
      async ({ query }) => json(await containers.prune(filtersOf(query, ['label', 'label!', 'until']))),
      { since: '1.25' },
    ),

    route('DELETE', '/containers/{id:.*}', async ({ params, query }) => {
      const options = { force: query.flag('force'), volumes: query.flag('v'), link: query.flag('link') };
      await containers.remove(params.id, options);
      return noContent();
    }),
  ];
}

function stopOptions({ query, version }: RouteRequest): { signal?: string; timeout?: number } {
  return {
    signal: version.before('1.42') ? undefined : query.text('signal') || undefined,
    timeout: query.integer('t'),
  };
}

function waitCondition(query: Query): WaitCondition {
  const condition = query.text('condition');
  switch (condition) {
    case '':
      return 'not-running';
    case 'not-running':
    case 'next-exit':
    case 'removed':
      return condition;
    default:
      throw invalid(`invalid condition: ${JSON.stringify(condition)}`);
  }
}

async function* encodeWait(result: Promise<WaitResult>): ByteSource {
  yield Buffer.from(`${JSON.stringify(waitAnswer(await result))}\n`);
}

function waitAnswer({ statusCode, error }: WaitResult) {
  return { StatusCode: statusCode, ...(error === undefined ? {} : { Error: { Message: error } }) };
}
