import type { EngineClient } from '../../../client/client.ts';
import type { Filters } from '../../../client/filters.ts';
import { pruneBuildCache } from '../../../client/system.ts';
import { defineCommand, noArguments } from '../../framework/command.ts';
import { pruneFilterFlag, pruneFilters, toFilters } from '../../options/filters.ts';
import { confirmOrCancel } from '../../prompt.ts';
import { listed, type Pruned, printPruned, printReclaimed } from '../../prune.ts';

export const command = defineCommand({
  usage: '[OPTIONS]',
  summary: 'Clean the build cache',
  arguments: noArguments,
  flags: {
    all: { type: 'bool', short: 'a', summary: 'Remove all of it, not only what nothing refers to' },
    filter: pruneFilterFlag('Only records that match: until=24h, ...'),
    force: { type: 'bool', short: 'f', summary: "Don't ask first" },
    'keep-storage': { type: 'bytes', summary: 'How much to keep' },
  },
  async run(cli, { all, filter, force, 'keep-storage': keepStorage }) {
    const filters = pruneFilters(toFilters(filter), await cli.config());
    const what = all ? 'all build cache' : 'all dangling build cache';
    if (!force) await confirmOrCancel(cli, `WARNING! This will remove ${what}. Are you sure you want to continue?`);
    const { lines, reclaimed } = await pruneCache(await cli.client(), { all, filters, keepStorage });
    printPruned(cli, lines);
    printReclaimed(cli, reclaimed);
  },
});

export interface PruneCacheOptions {
  all: boolean;
  filters: Filters;
  /** Bytes. */
  keepStorage?: number;
}

export async function pruneCache(
  client: EngineClient,
  options: PruneCacheOptions,
): Promise<Pruned & { reclaimed: number }> {
  const report = await pruneBuildCache(client, options);
  return {
    lines: listed('Deleted build cache objects:', report.CachesDeleted),
    reclaimed: report.SpaceReclaimed ?? 0,
  };
}
