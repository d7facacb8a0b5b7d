import type { EngineClient } from '../../../client/client.ts';
import { prune } from '../../../client/containers.ts';
import type { Filters } from '../../../client/filters.ts';
import { defineCommand, noArguments } from '../../framework/command.ts';
import { pruneFilterFlag, pruneFilters, toFilters } from '../../options/filters.ts';
import { askAndPrune, listed, type Pruned } from '../../prune.ts';

export const command = defineCommand({
  usage: '[OPTIONS]',
  summary: 'Remove all stopped containers',
  arguments: noArguments,
  flags: {
    filter: pruneFilterFlag('Only containers that match: until=24h, label=name=value, ...'),
    force: { type: 'bool', short: 'f', summary: "Don't ask first" },
  },
  async run(cli, flags) {
    const filters = pruneFilters(toFilters(flags.filter), cli.config());
    const warning = 'This will remove all stopped containers.';
    await askAndPrune(cli, { force: flags.force, warning }, async () => pruneContainers(await cli.client(), filters));
  },
});

export async function pruneContainers(client: EngineClient, filters: Filters): Promise<Pruned & { reclaimed: number }> {
  const report = await prune(client, filters);
  const lines = listed('Deleted Containers:', report.ContainersDeleted);
  return { lines, reclaimed: lines.length > 0 ? report.SpaceReclaimed : 0 };
}
