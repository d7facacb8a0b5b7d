import { create } from '../../../client/volumes.ts';
import { atMost, defineCommand } from '../../framework/command.ts';
import { ExitError } from '../../framework/errors.ts';
import { splitPair } from '../../framework/flag-types.ts';
import { isGiven } from '../../framework/flags.ts';
import { labelFlag } from '../../options/labels.ts';

export const command = defineCommand({
  usage: '[OPTIONS] [VOLUME]',
  summary: 'Make a volume',
  arguments: atMost(1),
  flags: {
    availability: {
      type: 'string',
      default: 'active',
      summary: 'Whether a cluster volume may be used: active, pause, drain',
    },
    driver: { type: 'string', short: 'd', default: 'local', summary: 'Driver of the volume' },
    group: { type: 'string', summary: 'Group of a cluster volume' },
    label: labelFlag('Label of the volume, as name=value'),
    'limit-bytes': { type: 'bytes', summary: 'Greatest size of a cluster volume' },
    name: { type: 'string', hidden: true, summary: 'Name of the volume' },
    opt: { type: 'map', short: 'o', summary: 'Options of the driver, as name=value' },
    'required-bytes': { type: 'bytes', summary: 'Least size of a cluster volume' },
    scope: { type: 'string', default: 'single', summary: 'On how many nodes a cluster volume may be: single, multi' },
    secret: { type: 'map', summary: 'Secrets of a cluster volume, as name=secret' },
    sharing: {
      type: 'string',
      default: 'none',
      summary: 'How many may use a cluster volume at once: none, readonly, onewriter, all',
    },
    'topology-preferred': { type: 'list', summary: 'Where a cluster volume should be, as name=value,...' },
    'topology-required': { type: 'list', summary: 'Where a cluster volume must be reachable from, as name=value,...' },
    type: { type: 'string', default: 'block', summary: 'What a cluster volume is: block, mount' },
  },
  async run(cli, flags, [argument]) {
    if (flags.name !== '' && argument !== undefined) {
      throw new ExitError(
        1,
        'conflicting options: cannot specify a volume-name through both --name and as a positional arg',
      );
    }
    const clusterFlags = [
      'group',
      'scope',
      'sharing',
      'availability',
      'type',
      'limit-bytes',
      'required-bytes',
    ] as const;
    const spec = clusterFlags.some(name => isGiven(flags, name)) ? clusterSpec(flags) : undefined;
    const volume = await create(await cli.client(), {
      Name: argument ?? flags.name,
      Driver: flags.driver,
      // Docker's engine shows what was not asked for as null, but an empty object as one.
      ...(isGiven(flags, 'opt') && { DriverOpts: flags.opt }),
      ...(isGiven(flags, 'label') && { Labels: Object.fromEntries(flags.label.map(label => splitPair(label))) }),
      ...(spec && { ClusterVolumeSpec: spec }),
    });
    cli.out.line(volume.Name);
  },
});

interface ClusterFlags {
  group: string;
  scope: string;
  sharing: string;
  availability: string;
  type: string;
  secret: Readonly<Record<string, string>>;
  'limit-bytes': number;
  'required-bytes': number;
  'topology-required': readonly string[];
  'topology-preferred': readonly string[];
}

function clusterSpec(flags: ClusterFlags) {
  return {
    Group: flags.group,
    AccessMode: {
      Scope: flags.scope as 'single' | 'multi',
      Sharing: flags.sharing as 'none' | 'readonly' | 'onewriter' | 'all',
      ...(flags.type === 'mount' && { MountVolume: {} }),
      ...(flags.type === 'block' && { BlockVolume: {} }),
    },
    AccessibilityRequirements: {
      Requisite: flags['topology-required'].map(topology),
      Preferred: flags['topology-preferred'].map(topology),
    },
    CapacityRange: { RequiredBytes: flags['required-bytes'], LimitBytes: flags['limit-bytes'] },
    Secrets: Object.keys(flags.secret)
      .sort()
      .map(Key => ({ Key, Secret: flags.secret[Key] })),
    Availability: flags.availability,
  };
}

const topology = (text: string) => ({
  Segments: Object.fromEntries(text.split(',').map(segment => splitPair(segment))),
});
