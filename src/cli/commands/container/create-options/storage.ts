// Flags about what is mounted in the container.
import { absolutePath } from '../../../../lib/clean-path.ts';
import type { ContainerConfig, HostConfig } from '../../../../wire/types.ts';
import { splitPair } from '../../../framework/flag-types.ts';
import type { FlagTable, FlagValues } from '../../../framework/flags.ts';
import { parseMount } from './mount.ts';
import { unlessEmpty } from './unless-empty.ts';

export const storageFlags = {
  mount: { type: 'mount', parse: parseMount, summary: 'Mount, as type=<type>,source=<source>,target=<path>[,...]' },
  tmpfs: { type: 'list', summary: 'Directory in memory, as <path>[:<options>]' },
  volume: { type: 'list', short: 'v', summary: 'Volume or directory of the host, as [<source>:]<path>[:<options>]' },
  'volume-driver': { type: 'string', summary: 'Driver of the volumes' },
  'volumes-from': { type: 'list', summary: 'Container whose mounts to share' },
} as const satisfies FlagTable;

export interface StorageConfig {
  config: Pick<ContainerConfig, 'Volumes'>;
  host: HostConfig;
}

export function storageConfig(flags: FlagValues<typeof storageFlags>): StorageConfig {
  const binds: string[] = [];
  const volumes: Record<string, Record<string, never>> = {};
  for (const spec of new Set(flags.volume)) {
    const bind = parseVolume(spec);
    if (bind === undefined) volumes[spec] = {};
    else binds.push(bind);
  }
  return {
    config: { Volumes: volumes },
    host: {
      Binds: unlessEmpty(binds),
      VolumesFrom: unlessEmpty(flags['volumes-from']),
      VolumeDriver: flags['volume-driver'],
      ...(flags.tmpfs.length > 0 && { Tmpfs: Object.fromEntries(flags.tmpfs.map(spec => splitPair(spec, ':'))) }),
      ...(flags.mount.length > 0 && { Mounts: flags.mount }),
    },
  };
}

/** The bind as the engine wants it, with an absolute source; undefined for an anonymous volume. */
function parseVolume(spec: string): string | undefined {
  if (spec === '') throw new Error('invalid empty volume spec');
  if (spec.length <= 2) return undefined;
  const parts = spec.split(':');
  if (parts.includes('')) throw new Error(`invalid spec: ${spec}: empty section between colons`);
  if (parts.length > 3) throw new Error(`invalid spec: ${spec}: too many colons`);
  if (parts.length === 1) return undefined;
  const [source = '', ...rest] = parts;
  return [source.startsWith('.') ? absolutePath(source) : source, ...rest].join(':');
}
