// What registries are asked besides moving images: is there such an image, may I in, what is there to find.
import { childrenOf, parseConfig } from '../../../content/oci.ts';
import { DockyardError, invalid, unauthorized } from '../../../lib/errors.ts';
import type { Platform } from '../../../lib/platform.ts';
import { DEFAULT_DOMAIN, type Reference, withDefaultTag } from '../../../lib/reference.ts';
import { endpointsFor, isInsecure, type RegistryConfig } from '../../../registry/endpoints.ts';
import { failureOf, RegistryFailure } from '../../../registry/failures.ts';
import type { FetchedManifest, Repository } from '../../../registry/repository.ts';
import { DEFAULT_ATTEMPTS, retrying } from '../../../registry/retry.ts';
import type { Credentials } from '../../../registry/session.ts';
import { shortJson, Transport } from '../../../registry/transport.ts';
import type { DistributionInspect } from '../../../wire/types.ts';
import { flag } from '../filters.ts';
import type { Filters, SearchResult } from '../images.ts';
import { platformOf } from '../resolve.ts';
import { explained } from './pull.ts';
import type { Registries } from './registries.ts';

const MAX_CONFIG = 4 * 1024 * 1024;

/** GET /distribution: what a name points at in its registry. */
export async function inspectRemote(
  registries: Registries,
  reference: Reference,
  credentials: Credentials,
  signal: AbortSignal,
): Promise<DistributionInspect> {
  const named = withDefaultTag(reference);
  const repositories = await registries.forPull(named, credentials);
  return explained(named, async () => {
    try {
      return await registries.firstOf(repositories, signal, async repository => {
        const root = await repository.manifest(named.digest ?? named.tag!, signal);
        return { Descriptor: root.descriptor, Platforms: await platformsOf(repository, root, signal) };
      });
    } catch (error) {
      if (!(error instanceof RegistryFailure) || (error.status !== 401 && error.status !== 403)) throw error;
      throw unauthorized(error.message, error);
    }
  });
}

async function platformsOf(repository: Repository, root: FetchedManifest, signal: AbortSignal): Promise<Platform[]> {
  const { content } = root;
  if (content.kind === 'index') return childrenOf(content).flatMap(({ platform }) => (platform ? [platform] : []));
  return [platformOf(parseConfig(await repository.smallBlob(content.config.digest, MAX_CONFIG, signal)))];
}

/** POST /auth: throws unless the registry accepts the credentials. */
export async function login(
  registries: Registries,
  address: string,
  credentials: Credentials,
  signal: AbortSignal,
): Promise<{ Status: string; IdentityToken: string }> {
  const domain = registryDomain(address);
  const [endpoint] = await endpointsFor(domain, registries.config, 'push');
  const session = registries.session(endpoint!, credentials);
  try {
    const identityToken = await session.verify(signal);
    return { Status: 'Login Succeeded', IdentityToken: identityToken };
  } catch (error) {
    if (!(error instanceof RegistryFailure) || (error.status !== 401 && error.status !== 403)) throw error;
    throw unauthorized(`Get "${await session.base()}/v2/": ${error.message}`, error);
  }
}

/** Clients name the default registry by the address of its old index. */
function registryDomain(address: string): string {
  const host = address.replace(/^https?:\/\//, '').split('/', 1)[0]!;
  return host === '' || host === 'index.docker.io' || host === 'registry-1.docker.io' ? DEFAULT_DOMAIN : host;
}

const DEFAULT_LIMIT = 25;
const MAX_LIMIT = 100;

/** GET /images/search: the old search call, which Docker Hub and a few others still answer. */
export async function search(
  registries: Registries,
  query: { term: string; limit: number | undefined; filters: Filters },
  credentials: Credentials,
  signal: AbortSignal,
): Promise<SearchResult[]> {
  const { term, filters } = query;
  const limit = query.limit || DEFAULT_LIMIT;
  if (term.includes('://')) {
    throw invalid(`invalid repository name: repository name (${term}) should not have a scheme`);
  }
  if (limit < 1 || limit > MAX_LIMIT) throw invalid(`limit ${limit} is outside the range of [1, ${MAX_LIMIT}]`);
  const stars = Math.max(0, ...(filters['stars'] ?? []).map(starCount));
  const official = flag(filters, 'is-official');
  if (flag(filters, 'is-automated') === true) return [];
  const results = await ask(registries.config, term, limit, credentials, signal);
  return results.filter(
    result => result.star_count >= stars && (official === undefined || result.is_official === official),
  );
}

function starCount(text: string): number {
  if (!/^\d+$/.test(text)) throw invalid(`invalid filter 'stars=${text}'`);
  return Number(text);
}

async function ask(
  config: RegistryConfig,
  term: string,
  limit: number,
  credentials: Credentials,
  signal: AbortSignal,
): Promise<SearchResult[]> {
  const slash = term.indexOf('/');
  const first = slash < 0 ? '' : term.slice(0, slash);
  const named = /[.:]/.test(first) || first === 'localhost';
  const domain = named ? first : DEFAULT_DOMAIN;
  const host = named ? first : 'index.docker.io';
  const words = named ? term.slice(slash + 1) : term.replace(/^library\//, '');
  const [endpoint] = await endpointsFor(domain, config, 'push');
  const transport = new Transport({ ...endpoint!, host }, config);
  const schemes = (await isInsecure(domain, config)) ? ['https', 'http'] : ['https'];
  const { username, password } = credentials;
  const basic = Buffer.from(`${username}:${password}`).toString('base64');
  const headers: Record<string, string> = username === '' ? {} : { Authorization: `Basic ${basic}` };
  let failure: unknown;
  for (const scheme of schemes) {
    const url = `${scheme}://${host}/v1/search?q=${encodeURIComponent(words)}&n=${limit}`;
    try {
      return await retrying({ attempts: DEFAULT_ATTEMPTS }, signal, async () => {
        const response = await transport.send({ method: 'GET', url, headers, signal });
        if (!response.ok) throw await failureOf(response, `search in ${host}`);
        return resultsOf(await shortJson(response, `search in ${host}`));
      });
    } catch (error) {
      if (!(error instanceof DockyardError) || error instanceof RegistryFailure) throw error;
      failure = error;
    }
  }
  throw failure;
}

function resultsOf(json: Record<string, unknown>): SearchResult[] {
  const list = Array.isArray(json['results']) ? json['results'] : [];
  return list.flatMap((item: unknown) => {
    if (typeof item !== 'object' || item === null) return [];
    const { name, description, star_count, is_official } = item as Record<string, unknown>;
    if (typeof name !== 'string') return [];
    return [
      {
        name,
        description: typeof description === 'string' ? description : '',
        star_count: typeof star_count === 'number' ? star_count : 0,
        is_official: is_official === true,
        is_automated: false,
      },
    ];
  });
}
