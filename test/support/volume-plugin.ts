// A volume driver that keeps each volume in a directory, and knows for whom it has it mounted.
import { mkdirSync, rmSync } from 'node:fs';
import type { TestEngine } from './engine.ts';
import { type Answers, TestPlugin } from './plugin.ts';

export interface VolumePlugin extends TestPlugin {
  /** By name, the ids it is mounted for. */
  readonly volumes: Map<string, Set<string>>;
}

export function volumePlugin(engine: TestEngine, name: string): VolumePlugin {
  const volumes = new Map<string, Set<string>>();
  const path = (volume: unknown) => `${engine.roots.base}/volumes-of-${name}/${String(volume)}`;
  const describe = (volume: string) => ({ Name: volume, Mountpoint: path(volume), Status: { place: 'shelf' } });
  const of = ({ Name }: Record<string, unknown>) => {
    const users = volumes.get(String(Name));
    if (!users) throw new Error(`no volume ${String(Name)}`);
    return users;
  };
  const answers: Answers = {
    Capabilities: () => ({ Capabilities: { Scope: 'global' } }),
    Create: ({ Name: volume }) => {
      mkdirSync(path(volume), { recursive: true });
      volumes.set(String(volume), new Set());
      return {};
    },
    Remove: ({ Name: volume }) => {
      rmSync(path(volume), { recursive: true, force: true });
      volumes.delete(String(volume));
      return {};
    },
    Mount: request => {
      of(request).add(String(request['ID']));
      return { Mountpoint: path(request['Name']) };
    },
    Unmount: request => {
      of(request).delete(String(request['ID']));
      return {};
    },
    Path: ({ Name: volume }) => ({ Mountpoint: path(volume) }),
    Get: ({ Name: volume }) =>
      volumes.has(String(volume)) ? { Volume: describe(String(volume)) } : { Err: 'no such volume' },
    List: () => ({ Volumes: [...volumes.keys()].map(describe) }),
  };
  return Object.assign(new TestPlugin(engine, name, ['VolumeDriver'], answers), { volumes });
}
