import { list } from '../../../client/networks.ts';
import { formatListing } from '../../format/listing.ts';
import { networkListing } from '../../format/lists/networks.ts';
import { compareNatural } from '../../format/natural-order.ts';
import { defineCommand, noArguments } from '../../framework/command.ts';
import { filterFlag, toFilters } from '../../options/filters.ts';
import { listFormatFlag } from '../../options/format.ts';

export const command = defineCommand({
  usage: '[OPTIONS]',
  summary: 'List networks',
  arguments: noArguments,
  flags: {
    filter: filterFlag('Only networks that match: driver=bridge, label=name=value, ...'),
    format: listFormatFlag,
    'no-trunc': { type: 'bool', summary: "Don't shorten anything" },
    quiet: { type: 'bool', short: 'q', summary: 'Print the ids only' },
  },
  async run(cli, flags) {
    const { quiet } = flags;
    const networks = await list(await cli.client(), toFilters(flags.filter));
    const format = flags.format || (quiet ? '' : ((await cli.config()).networksFormat ?? ''));
    networks.sort((a, b) => compareNatural(a.Name ?? '', b.Name ?? ''));
    const rows = networks.map(network => ({ network, truncate: !flags['no-trunc'] }));
    cli.out.write(await formatListing(networkListing, rows, { format, quiet }));
  },
});
