import type { EngineClient } from '../../../client/client.ts';
import type { Filters } from '../../../client/filters.ts';
import { prune } from '../../../client/networks.ts';
import { defineCommand, noArguments } from '../../framework/command.ts';
import { pruneFilterFlag, pruneFilters, toFilters } from '../../options/filters.ts';
import { askAndPrune, listed, type Pruned } from '../../prune.ts';

export const command = defineCommand({
  usage: '[OPTIONS]',
  summary: 'Remove unused networks',
  arguments: noArguments,
  flags: {
    filter: pruneFilterFlag('Only networks that match: until=24h, label=name=value, ...'),
    force: { type: 'bool', short: 'f', summary: "Don't ask first" },
  },
  async run(cli, flags) {
    const filters = pruneFilters(toFilters(flags.filter), await cli.config());
    const warning = 'This will remove all custom networks not used by at least one container.';
    await askAndPrune(cli, { force: flags.force, warning }, async () => pruneNetworks(await cli.client(), filters));
  },
});

export async function pruneNetworks(client: EngineClient, filters: Filters): Promise<Pruned> {
  const report = await prune(client, filters);
  return { lines: listed('Deleted Networks:', report.NetworksDeleted) };
}
