// Volumes as the Engine API offers them.
import type { Volume, VolumeCreateRequest, VolumeListResponse } from '../wire/types.ts';
import type { EngineClient } from './client.ts';
import { type Filters, filterQuery } from './filters.ts';
import { volumePath as path } from './paths.ts';

export async function create(client: EngineClient, config: VolumeCreateRequest): Promise<Volume> {
  return (await client.request('POST', '/volumes/create', { json: config })).json();
}

export async function list(client: EngineClient, filters?: Filters): Promise<VolumeListResponse> {
  return (await client.request('GET', '/volumes', { query: { filters: filterQuery(filters) } })).json();
}

export async function inspect(client: EngineClient, name: string): Promise<Volume> {
  return (await client.request('GET', path(name))).json();
}

export async function remove(client: EngineClient, name: string, force = false): Promise<void> {
  await (await client.request('DELETE', path(name), { query: { force } })).discard();
}

export async function update(client: EngineClient, id: string, version: number, json: unknown): Promise<void> {
  await (await client.request('PUT', path(id), { query: { version: String(version) }, json })).discard();
}

export interface PruneReport {
  VolumesDeleted: string[] | null;
  SpaceReclaimed: number;
}

export async function prune(client: EngineClient, filters?: Filters): Promise<PruneReport> {
  return (await client.request('POST', '/volumes/prune', { query: { filters: filterQuery(filters) } })).json();
}
