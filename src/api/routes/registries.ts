// What goes to and comes from registries: pull, push, search, login, and a look at what is there.
import type { ImageService } from '../../engine/images/images.ts';
import { forbidden, invalid } from '../../lib/errors.ts';
import { isDigest } from '../../lib/ids.ts';
import { parsePlatform, platformFromJson } from '../../lib/platform.ts';
import { parseAnyReference, parseReference, type Reference, withDigest, withTag } from '../../lib/reference.ts';
import type { ByteSource } from '../../lib/streams.ts';
import { filtersOf } from '../filters.ts';
import type { Reply } from '../http/message.ts';
import { progressReply } from '../progress-reply.ts';
import { AUTH_HEADER, credentialsOf, loginFrom } from '../registry-auth.ts';
import { json } from '../reply.ts';
import { type Route, type RouteRequest, route } from '../route.ts';
import { signatureRequired } from '../signature-required.ts';

const SEARCH_FILTERS = ['is-automated', 'is-official', 'stars'];

export function registryRoutes(images: ImageService): Route[] {
  return [
    route('POST', '/images/create', async request => {
      return request.query.text('fromImage') === '' ? importReply(images, request) : pullReply(images, request);
    }),

    route('POST', '/images/{name:.*}/push', async ({ params, query, version, headers, signal }) => {
      const named = parseReference(params.name);
      const tag = query.text('tag');
      const platform = version.before('1.46') ? '' : query.text('platform');
      return progressReply(
        images.push({
          reference: tag === '' ? named : tagged(named, tag),
          platform: platform === '' ? undefined : platformFromJson(platform),
          credentials: credentialsOf(headers.get(AUTH_HEADER)),
          signal,
        }),
      );
    }),

    route('GET', '/images/search', async ({ query, headers, signal }) => {
      const term = query.text('term');
      const filters = filtersOf(query, SEARCH_FILTERS);
      const limit = query.integer('limit');
      return json(await images.search({ term, limit, filters }, credentialsOf(headers.get(AUTH_HEADER)), signal));
    }),

    route('GET', '/distribution/{name:.*}/json', async ({ params, headers, signal }) => {
      const reference = parseAnyReference(params.name);
      if ('id' in reference) throw invalid('no manifest found for full image ID');
      return json(await images.inspectRemote(reference, credentialsOf(headers.get(AUTH_HEADER)), signal));
    }),

    route('POST', '/auth', async ({ body, signal }) => {
      const { address, credentials } = await loginFrom(body);
      return json(await images.login(address, credentials, signal));
    }),
  ];
}

function tagged(reference: Reference, tag: string): Reference {
  return isDigest(tag) ? withDigest(reference, tag) : withTag({ ...reference, digest: undefined }, tag);
}

async function pullReply(images: ImageService, { query, version, headers, signal }: RouteRequest): Promise<Reply> {
  // A name with a colon and no tag came from clients that wanted all tags.
  const named = parseReference(query.text('fromImage').replace(/:$/, ''));
  const tag = query.text('tag');
  const reference = tag === '' ? named : tagged(named, tag);
  if (reference.domain === 'docker.io' && reference.path === 'library/scratch') {
    throw forbidden("'scratch' is a reserved name");
  }
  const platform = version.before('1.32') ? '' : query.text('platform');
  return progressReply(
    images.pull({
      reference,
      platform: platform === '' ? undefined : parsePlatform(platform),
      credentials: credentialsOf(headers.get(AUTH_HEADER)),
      signatureRequired: signatureRequired(headers),
      signal,
    }),
  );
}

/** An archive in the request's body, or behind a URL, becomes an image. */
async function importReply(
  images: ImageService,
  { query, body, signal, version }: RouteRequest & { body: ByteSource },
): Promise<Reply> {
  const source = query.text('fromSrc');
  const platform = version.before('1.32') ? '' : query.text('platform');
  return progressReply(
    images.import({
      archive: source === '-' ? body : { url: source },
      repository: query.text('repo'),
      tag: query.text('tag'),
      message: query.text('message') || `Imported from ${source}`,
      changes: query.all('changes'),
      platform: platform === '' ? undefined : parsePlatform(platform),
      signal,
    }),
  );
}
