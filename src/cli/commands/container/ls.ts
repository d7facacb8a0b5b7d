import { list } from '../../../client/containers.ts';
import { formatListing, type Listing } from '../../format/listing.ts';
import { type ContainerRow, containerListing } from '../../format/lists/containers.ts';
import { defineCommand, noArguments } from '../../framework/command.ts';
import { isGiven } from '../../framework/flags.ts';
import { filterFlag, toFilters } from '../../options/filters.ts';
import { listFormatFlag } from '../../options/format.ts';

export const command = defineCommand({
  usage: '[OPTIONS]',
  summary: 'List containers',
  arguments: noArguments,
  flags: {
    all: { type: 'bool', short: 'a', summary: 'List all containers, not only the running ones' },
    filter: filterFlag('Only containers that match: status=exited, label=name=value, ...'),
    format: listFormatFlag,
    last: { type: 'int', short: 'n', default: -1, summary: 'Only the last n created, whatever their state' },
    latest: { type: 'bool', short: 'l', summary: 'Only the last one created, whatever its state' },
    'no-trunc': { type: 'bool', summary: "Don't shorten anything" },
    quiet: { type: 'bool', short: 'q', summary: 'Print the ids only' },
    size: { type: 'bool', short: 's', summary: 'Show how much disk space they take' },
  },
  async run(cli, flags) {
    let format = flags.format;
    if (format === '') format = cli.config().psFormat ?? '';
    else if (flags.quiet) {
      cli.err.line('WARNING: Ignoring custom format, because both --format and --quiet are set.');
    }
    let size = flags.size;
    if (format !== '') {
      // Sizes are costly to find out: only a template that shows them asks for them. A wrong template fails here already.
      const { usedColumns } = await import('../../format/row-template.ts');
      const used = usedColumns(containerListing, format, { container: {}, truncate: true });
      if (!flags.quiet && !isGiven(flags, 'size')) size ||= used.has('Size');
    }
    const containers = await list(await cli.client(), {
      all: flags.all,
      limit: flags.latest && flags.last === -1 ? 1 : flags.last,
      size,
      filters: toFilters(flags.filter),
    });
    const rows = containers.map(container => ({ container, truncate: !flags['no-trunc'] }));
    // A template and --quiet together give the ids.
    const shown = flags.quiet && format !== 'raw' ? '' : format;
    cli.out.write(await formatListing(sized(size), rows, { format: shown, quiet: flags.quiet }));
  },
});

function sized(size: boolean): Listing<ContainerRow> {
  if (!size) return containerListing;
  return {
    ...containerListing,
    table: [...containerListing.table, 'Size'],
    raw: `${containerListing.raw}size: {{.Size}}\\n`,
  };
}
