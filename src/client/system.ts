// The engine itself: is it there, what is it, what happens in it.
import type { ByteSource } from '../lib/streams.ts';
import type {
  AuthConfig,
  AuthResponse,
  BuildCache,
  ContainerSummary,
  EventMessage,
  ImageSummary,
  SystemInfo,
  SystemVersion,
  Volume,
} from '../wire/types.ts';
import type { EngineClient } from './client.ts';
import { ApiError } from './errors.ts';
import { type Filters, filterQuery } from './filters.ts';
import { jsonLines } from './json-lines.ts';

export interface Pong {
  apiVersion: string;
  osType: string;
  builderVersion: string;
  experimental: boolean;
  swarm: string;
}

/** Works with every engine of every version; the client's version is settled by it. */
export async function ping(client: EngineClient): Promise<Pong> {
  let response = await client.probe('HEAD', '/_ping');
  if (response.status >= 400 && response.status !== 500) response = await client.probe('GET', '/_ping');
  const { headers, status } = response;
  const text = (await response.text()).trim();
  if (status >= 400) throw new ApiError(status, text || `ping was answered with status ${status}`);
  return {
    apiVersion: headers.get('api-version') ?? '',
    osType: headers.get('ostype') ?? '',
    builderVersion: headers.get('builder-version') ?? '',
    experimental: headers.get('docker-experimental') === 'true',
    swarm: headers.get('swarm') ?? '',
  };
}

export async function version(client: EngineClient): Promise<SystemVersion> {
  return (await client.request('GET', '/version')).json();
}

export async function info(client: EngineClient): Promise<SystemInfo> {
  return (await client.request('GET', '/info')).json();
}

export interface EventsOptions {
  since?: string;
  until?: string;
  filters?: Filters;
}

export async function* events(client: EngineClient, options: EventsOptions = {}): AsyncGenerator<EventMessage> {
  yield* jsonLines<EventMessage>(await eventBytes(client, options));
}

/** The same, as it comes: times in nanoseconds are too large for JavaScript's numbers. */
export async function eventBytes(client: EngineClient, options: EventsOptions = {}): Promise<ByteSource> {
  const query = { since: options.since, until: options.until, filters: filterQuery(options.filters) };
  return (await client.request('GET', '/events', { query })).body;
}

/** What takes up disk space, in the form that engines of every version give. */
export interface DiskUsage {
  LayersSize?: number;
  Images?: ImageSummary[] | null;
  Containers?: ContainerSummary[] | null;
  Volumes?: Volume[] | null;
  BuildCache?: BuildCache[] | null;
}

export async function diskUsage(client: EngineClient): Promise<DiskUsage> {
  return (await client.request('GET', '/system/df')).json();
}

export interface BuildPruneReport {
  CachesDeleted?: string[] | null;
  SpaceReclaimed?: number;
}

export interface BuildPruneOptions {
  all?: boolean;
  filters?: Filters;
  /** Bytes to keep. */
  keepStorage?: number;
}

export async function pruneBuildCache(client: EngineClient, options: BuildPruneOptions): Promise<BuildPruneReport> {
  const { all, filters, keepStorage } = options;
  // The name before API 1.48, and the one since.
  const query = {
    all,
    'keep-storage': keepStorage || undefined,
    'reserved-space': keepStorage || undefined,
    filters: filterQuery(filters),
  };
  return (await client.request('POST', '/build/prune', { query })).json();
}

/** Checks credentials against their registry. */
export async function login(client: EngineClient, credentials: AuthConfig): Promise<AuthResponse> {
  return (await client.request('POST', '/auth', { json: credentials })).json();
}
