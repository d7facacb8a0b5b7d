// Images as the Engine API offers them.
import type { ByteSource } from '../lib/streams.ts';
import type { ImageDeleteResponseItem, ImageHistoryResponseItem, ImageInspect, ImageSummary } from '../wire/types.ts';
import type { EngineClient } from './client.ts';
import { type Filters, filterQuery } from './filters.ts';
import { distributionPath, imagePath as path } from './paths.ts';

export interface ListOptions {
  all?: boolean;
  filters?: Filters;
  sharedSize?: boolean;
  digests?: boolean;
  manifests?: boolean;
}

export async function list(client: EngineClient, options: ListOptions = {}): Promise<ImageSummary[]> {
  const { all, sharedSize, digests, manifests } = options;
  const query = { all, 'shared-size': sharedSize, digests, manifests, filters: filterQuery(options.filters) };
  return (await client.request('GET', '/images/json', { query })).json();
}

export interface InspectOptions {
  manifests?: boolean;
  platform?: string;
}

export async function inspect(client: EngineClient, name: string, options: InspectOptions = {}): Promise<ImageInspect> {
  return (await client.request('GET', path(name, 'json'), { query: { ...options } })).json();
}

export async function history(
  client: EngineClient,
  name: string,
  platform?: string,
): Promise<ImageHistoryResponseItem[]> {
  return (await client.request('GET', path(name, 'history'), { query: { platform } })).json();
}

export async function tag(client: EngineClient, name: string, repo: string, tagName: string): Promise<void> {
  await (await client.request('POST', path(name, 'tag'), { query: { repo, tag: tagName } })).discard();
}

export interface RemoveOptions {
  force?: boolean;
  noPrune?: boolean;
  platforms?: readonly string[];
}

export async function remove(
  client: EngineClient,
  name: string,
  options: RemoveOptions = {},
): Promise<ImageDeleteResponseItem[]> {
  const query = { force: options.force, noprune: options.noPrune, platforms: options.platforms };
  return (await client.request('DELETE', path(name), { query })).json();
}

export interface PruneReport {
  ImagesDeleted: ImageDeleteResponseItem[] | null;
  SpaceReclaimed: number;
}

export async function prune(client: EngineClient, filters?: Filters): Promise<PruneReport> {
  return (await client.request('POST', '/images/prune', { query: { filters: filterQuery(filters) } })).json();
}

/** Progress as JSON objects, one per line; errors come inside it, too. */
export type ProgressSource = ByteSource;

export interface PullOptions {
  tag?: string;
  platform?: string;
  /** Base64 of the registry's credentials. */
  registryAuth?: string;
  headers?: Record<string, string>;
}

export async function pull(client: EngineClient, name: string, options: PullOptions = {}): Promise<ProgressSource> {
  const query = { fromImage: name, tag: options.tag, platform: options.platform };
  const headers = { ...options.headers, ...authHeader(options.registryAuth) };
  return (await client.request('POST', '/images/create', { query, headers })).body;
}

/** What a name points at in its registry. */
export async function distribution(
  client: EngineClient,
  name: string,
  registryAuth: string,
): Promise<{ Descriptor: { mediaType: string; digest: string; size: number } }> {
  return (await client.request('GET', distributionPath(name), { headers: authHeader(registryAuth) })).json();
}

export interface PushOptions {
  tag?: string;
  platform?: string;
  registryAuth?: string;
}

export async function push(client: EngineClient, name: string, options: PushOptions = {}): Promise<ProgressSource> {
  const query = { tag: options.tag, platform: options.platform };
  return (await client.request('POST', path(name, 'push'), { query, headers: authHeader(options.registryAuth) })).body;
}

function authHeader(registryAuth: string | undefined): Record<string, string> {
  return registryAuth === undefined ? {} : { 'X-Registry-Auth': registryAuth };
}

export interface ImportOptions {
  /** A URL the engine fetches, or `-` for the body. */
  source: string;
  repo?: string;
  tag?: string;
  message?: string;
  changes?: readonly string[];
  platform?: string;
}

export async function importImage(
  client: EngineClient,
  options: ImportOptions,
  archive?: ByteSource,
): Promise<ProgressSource> {
  const { source, repo, tag, message, changes, platform } = options;
  const query = { fromSrc: source, repo, tag, message, changes, platform };
  const response = await client.request('POST', '/images/create', {
    query,
    ...(archive && { body: archive, contentType: 'application/x-tar' }),
  });
  return response.body;
}

export interface LoadOptions {
  quiet?: boolean;
  platforms?: readonly string[];
}

export async function load(
  client: EngineClient,
  archive: ByteSource,
  options: LoadOptions = {},
): Promise<{ body: ProgressSource; json: boolean }> {
  const query = { quiet: options.quiet ? '1' : '0', platform: options.platforms };
  const response = await client.request('POST', '/images/load', {
    query,
    body: archive,
    contentType: 'application/x-tar',
  });
  return { body: response.body, json: response.headers.get('content-type')?.startsWith('application/json') ?? false };
}

export async function save(
  client: EngineClient,
  names: readonly string[],
  platforms?: readonly string[],
): Promise<ByteSource> {
  return (await client.request('GET', '/images/get', { query: { names, platform: platforms } })).body;
}

export interface SearchOptions {
  limit?: number;
  filters?: Filters;
  registryAuth?: string;
}

export interface SearchResult {
  name?: string;
  description?: string;
  star_count?: number;
  is_official?: boolean;
}

export async function search(client: EngineClient, term: string, options: SearchOptions): Promise<SearchResult[]> {
  const { limit, filters, registryAuth } = options;
  const query = { term, limit: limit || undefined, filters: filterQuery(filters) };
  return (await client.request('GET', '/images/search', { query, headers: authHeader(registryAuth) })).json();
}
