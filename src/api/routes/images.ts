// /images: what is here, and moving it in and out as archives. Registries are in registries.ts.
import type { ImageService } from '../../engine/images/images.ts';
import { invalid } from '../../lib/errors.ts';
import { type Platform, platformFromJson } from '../../lib/platform.ts';
import { filtersOf } from '../filters.ts';
import { streamedReply } from '../progress-reply.ts';
import type { Query } from '../query.ts';
import { createdSilently, json, stream } from '../reply.ts';
import { type Route, route } from '../route.ts';
import type { ApiVersion } from '../version.ts';
import { imageInspectFor, imageSummaryFor } from '../versions/images.ts';

const LIST_FILTERS = ['before', 'dangling', 'label', 'label!', 'reference', 'since', 'until'];
const PRUNE_FILTERS = ['dangling', 'label', 'label!', 'until'];

export function imageRoutes(images: ImageService): Route[] {
  return [
    route('GET', '/images/json', async ({ query, version }) => {
      const filters = filtersOf(query, LIST_FILTERS);
      // A parameter of its own, before it became a filter.
      const old = version.before('1.25') ? query.text('filter') : '';
      const list = await images.list({
        all: query.flag('all'),
        filters: old !== '' && !filters['reference'] ? { ...filters, reference: [old] } : filters,
        sharedSize: !version.before('1.42') && query.flag('shared-size'),
        manifests: !version.before('1.47') && query.flag('manifests'),
      });
      return json(list.map(summary => imageSummaryFor(version, summary)));
    }),

    route('GET', '/images/get', async ({ query, version }) => saved(images, query.all('names'), query, version)),

    route('GET', '/images/{name:.*}/get', async ({ params, query, version }) => {
      return saved(images, [params.name], query, version);
    }),

    route('GET', '/images/{name:.*}/json', async ({ params, query, version }) => {
      const manifests = !version.before('1.48') && query.flag('manifests');
      const platform = version.before('1.49') ? undefined : platformOf(query);
      if (manifests && platform) {
        throw invalid('conflicting options: manifests and platform options cannot both be set');
      }
      return json(imageInspectFor(version, await images.inspect(params.name, { manifests, platform })));
    }),

    route('GET', '/images/{name:.*}/history', async ({ params, query, version }) => {
      return json(await images.history(params.name, version.before('1.48') ? undefined : platformOf(query)));
    }),

    route('POST', '/images/load', async ({ query, version, body, signal }) => {
      return streamedReply(
        images.load({
          archive: body,
          platforms: platformsOf(query, version),
          quiet: query.flag('quiet', true),
          signal,
        }),
      );
    }),

    route('POST', '/images/prune', async ({ query }) => json(await images.prune(filtersOf(query, PRUNE_FILTERS)))),

    route('POST', '/images/{name:.*}/tag', async ({ params, query }) => {
      images.tag(params.name, query.text('repo'), query.text('tag'));
      return createdSilently();
    }),

    route('DELETE', '/images/{name:.*}', async ({ params, query, version }) => {
      const platforms = version.before('1.50') ? [] : query.all('platforms').filter(Boolean).map(platformFromJson);
      return json(
        await images.remove(params.name, { force: query.flag('force'), noPrune: query.flag('noprune'), platforms }),
      );
    }),
  ];
}

/** One platform as JSON, since it can be asked for. */
function platformOf(query: Query): Platform | undefined {
  const text = query.text('platform');
  return text === '' ? undefined : platformFromJson(text);
}

function platformsOf(query: Query, version: ApiVersion): Platform[] {
  if (version.before('1.48')) return [];
  const given = query.all('platform').filter(Boolean);
  if (version.before('1.52') && given.length > 1) {
    throw invalid('multiple platform parameters are not supported in this API version; use API version 1.52 or later');
  }
  return given.map(platformFromJson);
}

function saved(images: ImageService, names: readonly string[], query: Query, version: ApiVersion) {
  return stream('application/x-tar', images.save(names, platformsOf(query, version)));
}
