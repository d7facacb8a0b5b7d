// The things that can be inspected: where the engine has them, and what shape they are.
import type { EngineClient, QueryValue } from '../../client/client.ts';
import { containerPath, imagePath, networkPath, pluginPath, volumePath } from '../../client/paths.ts';
import type { Found } from './inspect.ts';

async function rawText(client: EngineClient, path: string, query: Record<string, QueryValue> = {}): Promise<string> {
  return (await client.request('GET', path, { query })).text();
}

export async function findContainer(client: EngineClient, id: string, size = false): Promise<Found> {
  const raw = await rawText(client, containerPath(id, 'json'), { size });
  return {
    raw,
    shape: async () => (await import('./shapes/container.ts')).container,
    complete: async () => (await import('./shapes/default-network.ts')).withDefaultNetwork,
  };
}

/** `platform` is in the form of the API. */
export async function findImage(client: EngineClient, id: string, platform?: string): Promise<Found> {
  const raw = await rawText(client, imagePath(id, 'json'), { platform });
  return { raw, shape: async () => (await import('./shapes/image.ts')).image };
}

export async function findNetwork(client: EngineClient, id: string, verbose = false): Promise<Found> {
  const raw = await rawText(client, networkPath(id), { verbose });
  return { raw, shape: async () => (await import('./shapes/network.ts')).network };
}

export async function findVolume(client: EngineClient, id: string): Promise<Found> {
  const raw = await rawText(client, volumePath(id));
  return { raw, shape: async () => (await import('./shapes/volume.ts')).volume };
}

const under = (collection: string) => (id: string) => `/${collection}/${encodeURIComponent(id)}`;

const otherPaths = {
  service: under('services'),
  task: under('tasks'),
  node: under('nodes'),
  plugin: pluginPath,
  secret: under('secrets'),
  config: under('configs'),
} as const;

export type OtherKind = keyof typeof otherPaths;

/** What swarms and plugins have: templates see its plain JSON. */
export async function findOther(client: EngineClient, kind: OtherKind, id: string): Promise<Found> {
  return { raw: await rawText(client, otherPaths[kind](id)) };
}
