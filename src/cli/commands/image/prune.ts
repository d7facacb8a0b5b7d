import type { EngineClient } from '../../../client/client.ts';
import type { Filters } from '../../../client/filters.ts';
import { prune } from '../../../client/images.ts';
import { defineCommand, noArguments } from '../../framework/command.ts';
import { addFilter, pruneFilterFlag, pruneFilters, toFilters } from '../../options/filters.ts';
import { askAndPrune, listed, type Pruned } from '../../prune.ts';

export const command = defineCommand({
  usage: '[OPTIONS]',
  summary: 'Remove unused images',
  arguments: noArguments,
  flags: {
    all: { type: 'bool', short: 'a', summary: 'Remove all that no container uses, not only those without a name' },
    filter: pruneFilterFlag('Only images that match: until=24h, label=name=value, ...'),
    force: { type: 'bool', short: 'f', summary: "Don't ask first" },
  },
  async run(cli, flags) {
    const filters = pruneFilters(imageFilters(toFilters(flags.filter), flags.all), cli.config());
    const warning = flags.all
      ? 'This will remove all images without at least one container associated to them.'
      : 'This will remove all dangling images.';
    await askAndPrune(cli, { force: flags.force, warning }, async () => pruneImages(await cli.client(), filters));
  },
});

export function imageFilters(given: Filters, all: boolean): Filters {
  const filters: Record<string, string[]> = {};
  for (const name in given) filters[name] = [...given[name]!];
  addFilter(filters, 'dangling', String(!all));
  return filters;
}

export async function pruneImages(client: EngineClient, filters: Filters): Promise<Pruned & { reclaimed: number }> {
  const report = await prune(client, filters);
  const names = report.ImagesDeleted?.map(({ Untagged: untagged, Deleted: deleted }) =>
    untagged ? `untagged: ${untagged}` : `deleted: ${deleted}`,
  );
  const lines = listed('Deleted Images:', names);
  return { lines, reclaimed: lines.length > 0 ? report.SpaceReclaimed : 0 };
}
