import type { Filters } from '../../../client/filters.ts';
import { compareVersions } from '../../../client/version.ts';
import { compareNatural } from '../../format/natural-order.ts';
import { defineCommand, noArguments } from '../../framework/command.ts';
import { ExitError } from '../../framework/errors.ts';
import { pruneFilterFlag, pruneFilters, toFilters } from '../../options/filters.ts';
import { confirmOrCancel } from '../../prompt.ts';
import { type Pruned, printPruned, printReclaimed } from '../../prune.ts';
import { pruneCache } from '../builder/prune.ts';
import { pruneContainers } from '../container/prune.ts';
import { imageFilters, pruneImages } from '../image/prune.ts';
import { pruneNetworks } from '../network/prune.ts';
import { pruneVolumes } from '../volume/prune.ts';

export const command = defineCommand({
  usage: '[OPTIONS]',
  summary: 'Remove everything that is unused',
  arguments: noArguments,
  flags: {
    all: {
      type: 'bool',
      short: 'a',
      summary: 'Remove all images that no container uses, not only those without a name',
    },
    filter: pruneFilterFlag('Only things that match: until=24h, label=name=value, ...'),
    force: { type: 'bool', short: 'f', summary: "Don't ask first" },
    volumes: { type: 'bool', summary: 'Remove volumes without a name, too' },
  },
  async run(cli, { all, filter, force, volumes }) {
    const given = toFilters(filter);
    if (volumes && given['until']) {
      throw new ExitError(1, 'ERROR: The "until" filter is not supported with "--volumes"');
    }
    const config = await cli.config();
    const filters = pruneFilters(given, config);
    const client = await cli.client();
    const hasCache = compareVersions(await client.negotiate(), '1.31') >= 0;
    if (!force) await confirmOrCancel(cli, question({ all, volumes, hasCache, filters }));
    const steps: (() => Promise<Pruned>)[] = [
      () => pruneContainers(client, filters),
      () => pruneNetworks(client, filters),
      ...(volumes ? [() => pruneVolumes(client, filters)] : []),
      () => pruneImages(client, pruneFilters(imageFilters(given, all), config)),
      ...(hasCache ? [() => pruneCache(client, { all, filters })] : []),
    ];
    let total = 0;
    for (const step of steps) {
      const { lines, reclaimed } = await step();
      total += reclaimed ?? 0;
      printPruned(cli, lines);
      await cli.out.flush();
    }
    printReclaimed(cli, total);
  },
});

interface Plan {
  all: boolean;
  volumes: boolean;
  hasCache: boolean;
  filters: Filters;
}

function question({ all, volumes, hasCache, filters }: Plan): string {
  const removed = [
    'all stopped containers',
    'all networks not used by at least one container',
    ...(volumes ? ['all anonymous volumes not used by at least one container'] : []),
    all ? 'all images without at least one container associated to them' : 'all dangling images',
    ...(hasCache ? [all ? 'all build cache' : 'unused build cache'] : []),
  ];
  const shown = ['label', 'label!', 'until'].flatMap(name => (filters[name] ?? []).map(value => `${name}=${value}`));
  const items = (lines: readonly string[]) => lines.map(line => `  - ${line}\n`).join('');
  const filtered =
    shown.length > 0 ? `\n  Items to be pruned will be filtered with:\n${items(shown.sort(compareNatural))}` : '';
  return `WARNING! This will remove:\n${items(removed)}${filtered}\nAre you sure you want to continue?`;
}
