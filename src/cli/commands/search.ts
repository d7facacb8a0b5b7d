import { search } from '../../client/images.ts';
import { formatListing } from '../format/listing.ts';
import { searchListing } from '../format/lists/search.ts';
import { defineCommand, exactly } from '../framework/command.ts';
import { registryAuth } from '../framework/credentials.ts';
import { filterFlag, toFilters } from '../options/filters.ts';
import { listFormatFlag } from '../options/format.ts';

export const command = defineCommand({
  usage: '[OPTIONS] TERM',
  summary: 'Search images in a registry',
  arguments: exactly(1),
  flags: {
    filter: filterFlag('Only images that match: is-official=true, stars=3'),
    format: listFormatFlag,
    limit: { type: 'int', summary: 'How many to show at most' },
    'no-trunc': { type: 'bool', summary: "Don't shorten anything" },
  },
  async run(cli, flags, [term = '']) {
    const filters = toFilters(flags.filter);
    if (filters['is-automated']) {
      cli.err.line(
        'WARNING: the "is-automated" filter is deprecated, and searching for "is-automated=true" will not yield any results in future.',
      );
    }
    const host = term.split('/', 1)[0]!;
    const domain = term.includes('/') && /[.:]|^localhost$/.test(host) ? host : 'docker.io';
    const results = await search(await cli.client(), term, {
      limit: flags.limit,
      filters,
      registryAuth: await registryAuth(cli, domain),
    });
    const json = flags.format === 'json' || /\bjson \./.test(flags.format);
    const rows = results.map(result => ({ result, truncate: !flags['no-trunc'], json }));
    cli.out.write(await formatListing(searchListing, rows, { format: flags.format }));
  },
});
