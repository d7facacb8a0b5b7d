import { inspect, update } from '../../../client/volumes.ts';
import { defineCommand, exactly } from '../../framework/command.ts';
import { ExitError } from '../../framework/errors.ts';
import { isGiven } from '../../framework/flags.ts';
import { requireApi } from '../../options/api-version.ts';

export const command = defineCommand({
  usage: '[OPTIONS] [VOLUME]',
  summary: 'Change a cluster volume',
  arguments: exactly(1),
  flags: {
    availability: {
      type: 'string',
      default: 'active',
      summary: 'Whether the volume may be used: active, pause, drain',
    },
  },
  async run(cli, flags, [name]) {
    await requireApi(cli, '1.42');
    const client = await cli.client();
    const { ClusterVolume: cluster } = await inspect(client, name!);
    if (!cluster) throw new ExitError(1, 'can only update cluster volumes');
    const spec = isGiven(flags, 'availability') ? { ...cluster.Spec, Availability: flags.availability } : cluster.Spec;
    await update(client, cluster.ID ?? '', cluster.Version?.Index ?? 0, { Spec: spec });
  },
});
