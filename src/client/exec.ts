// Processes started inside running containers.
import type { ExecConfig, ExecStartConfig, IDResponse } from '../wire/types.ts';
import type { EngineClient } from './client.ts';
import type { WindowSize } from './containers.ts';
import type { RawStream } from './http.ts';
import { containerPath } from './paths.ts';

export async function create(client: EngineClient, container: string, config: ExecConfig): Promise<string> {
  const path = containerPath(container, 'exec');
  return (await (await client.request('POST', path, { json: config })).json<IDResponse>()).Id;
}

export async function startDetached(client: EngineClient, id: string, config: ExecStartConfig): Promise<void> {
  await (await client.request('POST', `/exec/${id}/start`, { json: { ...config, Detach: true } })).discard();
}

export interface AttachedExec {
  id: string;
  stream: RawStream;
}

/** Creates and starts it: by one request to an engine like ours, by a second one to others, who only create it at the first. */
export async function run(client: EngineClient, container: string, config: ExecConfig): Promise<AttachedExec> {
  const headers = { Connection: 'Upgrade', Upgrade: 'tcp', 'Dockyard-Start': 'attached' };
  const response = await client.request('POST', containerPath(container, 'exec'), { json: config, headers });
  const started = response.headers.get('dockyard-exec');
  if (started !== undefined) return { id: started, stream: response.upgrade() };
  const { Id: id } = await response.json<IDResponse>();
  const { Tty, ConsoleSize } = config;
  return {
    id,
    stream: (await client.hijack(`/exec/${id}/start`, { json: { Detach: false, Tty, ConsoleSize } })).stream,
  };
}

export interface ExecState {
  Running: boolean;
  ExitCode: number | null;
  Pid: number;
}

export async function inspect(client: EngineClient, id: string): Promise<ExecState> {
  return (await client.request('GET', `/exec/${id}/json`)).json();
}

/**
 * The state at the end of the process: an engine like ours answers when it has come. Undefined from one that answers at once,
 * or ends itself.
 */
export async function inspectAtEnd(client: EngineClient, id: string): Promise<ExecState | undefined> {
  const response = await client.request('GET', `/exec/${id}/json`, { headers: { 'Dockyard-Wait': 'exit' } });
  const state = await response.json<ExecState>();
  return response.headers.has('dockyard-waited') && state.ExitCode !== null ? state : undefined;
}

export async function resize(client: EngineClient, id: string, size: WindowSize): Promise<void> {
  const query = { h: size.rows, w: size.columns };
  await (await client.request('POST', `/exec/${id}/resize`, { query })).discard();
}
