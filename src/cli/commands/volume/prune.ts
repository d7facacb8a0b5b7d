import type { EngineClient } from '../../../client/client.ts';
import type { Filters } from '../../../client/filters.ts';
import { compareVersions } from '../../../client/version.ts';
import { prune } from '../../../client/volumes.ts';
import { defineCommand, noArguments } from '../../framework/command.ts';
import { ExitError } from '../../framework/errors.ts';
import { addFilter, pruneFilterFlag, pruneFilters, toFilters } from '../../options/filters.ts';
import { askAndPrune, listed, type Pruned } from '../../prune.ts';

export const command = defineCommand({
  usage: '[OPTIONS]',
  summary: 'Remove unused volumes',
  arguments: noArguments,
  flags: {
    all: { type: 'bool', since: '1.42', short: 'a', summary: 'Remove those with a name, too' },
    filter: pruneFilterFlag('Only volumes that match: label=name=value, ...'),
    force: { type: 'bool', short: 'f', summary: "Don't ask first" },
  },
  async run(cli, flags) {
    const filters = pruneFilters(toFilters(flags.filter), await cli.config());
    if (flags.all) {
      if (filters['all']) {
        throw new ExitError(1, 'conflicting options: cannot specify both --all and --filter all=1');
      }
      addFilter(filters, 'all', 'true');
    }
    const client = await cli.client();
    // Older engines remove them all, whatever they are asked.
    const all = flags.all || (!flags.force && compareVersions(await client.negotiate(), '1.42') < 0);
    const warning = `This will remove ${all ? 'all' : 'anonymous'} local volumes not used by at least one container.`;
    await askAndPrune(cli, { force: flags.force, warning }, () => pruneVolumes(client, filters));
  },
});

export async function pruneVolumes(client: EngineClient, filters: Filters): Promise<Pruned & { reclaimed: number }> {
  const report = await prune(client, filters);
  const lines = listed('Deleted Volumes:', report.VolumesDeleted);
  return { lines, reclaimed: lines.length > 0 ? report.SpaceReclaimed : 0 };
}
