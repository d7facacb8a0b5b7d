// Networks as the Engine API offers them.
import type {
  EndpointSettings,
  NetworkCreateRequest,
  NetworkCreateResponse,
  NetworkInspect,
  NetworkSummary,
} from '../wire/types.ts';
import type { EngineClient } from './client.ts';
import { type Filters, filterQuery } from './filters.ts';
import { networkPath as path } from './paths.ts';

export async function create(client: EngineClient, config: NetworkCreateRequest): Promise<NetworkCreateResponse> {
  return (await client.request('POST', '/networks/create', { json: config })).json();
}

export async function list(client: EngineClient, filters?: Filters): Promise<NetworkSummary[]> {
  return (await client.request('GET', '/networks', { query: { filters: filterQuery(filters) } })).json();
}

export interface InspectOptions {
  verbose?: boolean;
  scope?: string;
}

export async function inspect(
  client: EngineClient,
  name: string,
  options: InspectOptions = {},
): Promise<NetworkInspect> {
  return (await client.request('GET', path(name), { query: { ...options } })).json();
}

export async function remove(client: EngineClient, name: string): Promise<void> {
  await (await client.request('DELETE', path(name))).discard();
}

export async function connect(
  client: EngineClient,
  name: string,
  container: string,
  endpoint?: EndpointSettings,
): Promise<void> {
  const json = { Container: container, ...(endpoint && { EndpointConfig: endpoint }) };
  await (await client.request('POST', path(name, 'connect'), { json })).discard();
}

export async function disconnect(client: EngineClient, name: string, container: string, force = false): Promise<void> {
  const json = { Container: container, Force: force };
  await (await client.request('POST', path(name, 'disconnect'), { json })).discard();
}

export interface PruneReport {
  NetworksDeleted: string[] | null;
}

export async function prune(client: EngineClient, filters?: Filters): Promise<PruneReport> {
  return (await client.request('POST', '/networks/prune', { query: { filters: filterQuery(filters) } })).json();
}
