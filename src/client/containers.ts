// Containers as the Engine API offers them.
import type { ByteSource } from '../lib/streams.ts';
import type {
  ContainerCreateRequest,
  ContainerCreateResponse,
  ContainerInspectResponse,
  ContainerStatsResponse,
  ContainerSummary,
  ContainerTopResponse,
  ContainerUpdateRequest,
  ContainerUpdateResponse,
  ContainerWaitResponse,
  FilesystemChange,
  IDResponse,
} from '../wire/types.ts';
import type { EngineClient } from './client.ts';
import { type Filters, filterQuery } from './filters.ts';
import type { HttpResponse, RawStream } from './http.ts';
import { jsonLines } from './json-lines.ts';
import { containerPath as path } from './paths.ts';

export interface CreateOptions {
  name?: string;
  platform?: string;
  headers?: Record<string, string>;
}

export async function create(
  client: EngineClient,
  config: ContainerCreateRequest,
  options: CreateOptions = {},
): Promise<ContainerCreateResponse> {
  const query = { name: options.name, platform: options.platform };
  return (await client.request('POST', '/containers/create', { query, json: config, headers: options.headers })).json();
}

export interface ListOptions {
  all?: boolean;
  limit?: number;
  size?: boolean;
  filters?: Filters;
}

export async function list(client: EngineClient, options: ListOptions = {}): Promise<ContainerSummary[]> {
  const limit = options.limit !== undefined && options.limit > 0 ? options.limit : undefined;
  const query = { all: options.all, limit, size: options.size, filters: filterQuery(options.filters) };
  return (await client.request('GET', '/containers/json', { query })).json();
}

export async function inspect(client: EngineClient, id: string, size = false): Promise<ContainerInspectResponse> {
  return (await client.request('GET', path(id, 'json'), { query: { size } })).json();
}

export interface StartOptions {
  detachKeys?: string;
  checkpoint?: string;
  checkpointDir?: string;
}

export async function start(client: EngineClient, id: string, options: StartOptions = {}): Promise<void> {
  const query = {
    detachKeys: options.detachKeys,
    checkpoint: options.checkpoint,
    'checkpoint-dir': options.checkpointDir,
  };
  await done(client.request('POST', path(id, 'start'), { query }));
}

export interface StopOptions {
  signal?: string;
  /** Seconds until the kill; -1 waits for ever. Left to the container if undefined. */
  timeout?: number;
}

export async function stop(client: EngineClient, id: string, options: StopOptions = {}): Promise<void> {
  await done(client.request('POST', path(id, 'stop'), { query: { signal: options.signal, t: options.timeout } }));
}

export async function restart(client: EngineClient, id: string, options: StopOptions = {}): Promise<void> {
  await done(client.request('POST', path(id, 'restart'), { query: { signal: options.signal, t: options.timeout } }));
}

export async function kill(client: EngineClient, id: string, signal?: string): Promise<void> {
  await done(client.request('POST', path(id, 'kill'), { query: { signal } }));
}

export async function pause(client: EngineClient, id: string): Promise<void> {
  await done(client.request('POST', path(id, 'pause')));
}

export async function unpause(client: EngineClient, id: string): Promise<void> {
  await done(client.request('POST', path(id, 'unpause')));
}

export async function rename(client: EngineClient, id: string, name: string): Promise<void> {
  await done(client.request('POST', path(id, 'rename'), { query: { name } }));
}

export async function update(
  client: EngineClient,
  id: string,
  change: ContainerUpdateRequest,
): Promise<ContainerUpdateResponse> {
  return (await client.request('POST', path(id, 'update'), { json: change })).json();
}

export interface RemoveOptions {
  volumes?: boolean;
  link?: boolean;
  force?: boolean;
}

export async function remove(client: EngineClient, id: string, options: RemoveOptions = {}): Promise<void> {
  const query = { v: options.volumes, link: options.link, force: options.force };
  await done(client.request('DELETE', path(id), { query }));
}

export interface PruneReport {
  ContainersDeleted: string[] | null;
  SpaceReclaimed: number;
}

export async function prune(client: EngineClient, filters?: Filters): Promise<PruneReport> {
  return (await client.request('POST', '/containers/prune', { query: { filters: filterQuery(filters) } })).json();
}

export type WaitCondition = 'not-running' | 'next-exit' | 'removed';

/**
 * Resolves as soon as the engine is watching; the promise inside resolves when it has happened. Whoever starts the
 * container in between can't miss its end.
 */
export async function wait(
  client: EngineClient,
  id: string,
  condition?: WaitCondition,
): Promise<{ result: Promise<ContainerWaitResponse> }> {
  const response = await client.request('POST', path(id, 'wait'), { query: { condition } });
  return { result: response.json() };
}

export interface LogsOptions {
  stdout?: boolean;
  stderr?: boolean;
  since?: string;
  until?: string;
  timestamps?: boolean;
  details?: boolean;
  follow?: boolean;
  tail?: string;
}

export async function logs(client: EngineClient, id: string, options: LogsOptions): Promise<HttpResponse> {
  return client.request('GET', path(id, 'logs'), { query: { ...options } });
}

export interface AttachOptions {
  stream?: boolean;
  stdin?: boolean;
  stdout?: boolean;
  stderr?: boolean;
  logs?: boolean;
  detachKeys?: string;
}

export async function attach(client: EngineClient, id: string, options: AttachOptions): Promise<RawStream> {
  return (await client.hijack(path(id, 'attach'), { query: { ...options } })).stream;
}

export interface WindowSize {
  rows: number;
  columns: number;
}

export async function resize(client: EngineClient, id: string, size: WindowSize): Promise<void> {
  await done(client.request('POST', path(id, 'resize'), { query: { h: size.rows, w: size.columns } }));
}

export async function top(client: EngineClient, id: string, psArgs?: string): Promise<ContainerTopResponse> {
  return (await client.request('GET', path(id, 'top'), { query: { ps_args: psArgs } })).json();
}

export async function changes(client: EngineClient, id: string): Promise<FilesystemChange[]> {
  return (await (await client.request('GET', path(id, 'changes'))).json<FilesystemChange[] | null>()) ?? [];
}

/** Readings about every second; without `stream` a single one, which takes as long because it compares two. */
export async function* stats(
  client: EngineClient,
  id: string,
  stream: boolean,
): AsyncGenerator<ContainerStatsResponse> {
  const query = { stream: stream ? '1' : '0' };
  yield* jsonLines<ContainerStatsResponse>((await client.request('GET', path(id, 'stats'), { query })).body);
}

/** The whole file system as a tar archive. */
export async function exportFilesystem(client: EngineClient, id: string): Promise<ByteSource> {
  return (await client.request('GET', path(id, 'export'))).body;
}

export interface PathStat {
  name: string;
  size: number;
  mode: number;
  mtime: string;
  linkTarget: string;
}

function pathStatOf(response: HttpResponse): PathStat {
  const header = response.headers.get('x-docker-container-path-stat') ?? '';
  return JSON.parse(Buffer.from(header, 'base64').toString()) as PathStat;
}

export async function statPath(client: EngineClient, id: string, file: string): Promise<PathStat> {
  return pathStatOf(await client.request('HEAD', path(id, 'archive'), { query: { path: file } }));
}

/** A file or a directory of the container as a tar archive. */
export async function readArchive(
  client: EngineClient,
  id: string,
  file: string,
): Promise<{ stat: PathStat; archive: ByteSource }> {
  const response = await client.request('GET', path(id, 'archive'), { query: { path: file } });
  return { stat: pathStatOf(response), archive: response.body };
}

export interface WriteArchiveOptions {
  /** Refuse to replace a directory by a file and the other way round. */
  noOverwriteDirNonDir?: boolean;
  copyUidGid?: boolean;
}

/** Unpacks a tar archive in a directory of the container. */
export async function writeArchive(
  client: EngineClient,
  id: string,
  directory: string,
  archive: ByteSource,
  options: WriteArchiveOptions = {},
): Promise<void> {
  const query = {
    path: directory,
    noOverwriteDirNonDir: options.noOverwriteDirNonDir ? 'true' : undefined,
    copyUIDGID: options.copyUidGid ? 'true' : undefined,
  };
  await done(client.request('PUT', path(id, 'archive'), { query, body: archive, contentType: 'application/x-tar' }));
}

export interface CommitOptions {
  repo?: string;
  tag?: string;
  author?: string;
  comment?: string;
  pause?: boolean;
  changes?: readonly string[];
}

export async function commit(client: EngineClient, id: string, options: CommitOptions): Promise<IDResponse> {
  const { repo, tag, author, comment, changes } = options;
  const query = {
    container: id,
    repo,
    tag,
    author,
    comment,
    changes,
    pause: options.pause === false ? '0' : undefined,
  };
  return (await client.request('POST', '/commit', { query })).json();
}

async function done(response: Promise<HttpResponse>): Promise<void> {
  await (await response).discard();
}
