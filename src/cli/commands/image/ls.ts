import { list } from '../../../client/images.ts';
import { formatListing } from '../../format/listing.ts';
import { imageListing, imageListingWithDigests, imageRows } from '../../format/lists/images.ts';
import { atMost, defineCommand } from '../../framework/command.ts';
import { addFilter, filterFlag, toFilters } from '../../options/filters.ts';
import { listFormatFlag } from '../../options/format.ts';

export const command = defineCommand({
  usage: '[OPTIONS] [REPOSITORY[:TAG]]',
  summary: 'List images',
  arguments: atMost(1),
  flags: {
    all: { type: 'bool', short: 'a', summary: 'List intermediate images, too' },
    digests: { type: 'bool', summary: 'Show the digests' },
    filter: filterFlag('Only images that match: dangling=true, label=name=value, before=image, ...'),
    format: listFormatFlag,
    'no-trunc': { type: 'bool', summary: "Don't shorten anything" },
    quiet: { type: 'bool', short: 'q', summary: 'Print the ids only' },
    tree: { type: 'bool', since: '1.47', summary: 'Show the platforms of each image' },
  },
  async run(cli, flags, [name]) {
    const filters = toFilters(flags.filter);
    if (name !== undefined) addFilter(filters, 'reference', name);
    if (flags.tree) {
      const { imageTree } = await import('./tree.ts');
      cli.out.write(await imageTree(cli, flags, filters));
      return;
    }
    let { format } = flags;
    if (format === '' && !flags.quiet) format = cli.config().imagesFormat ?? '';
    const images = await list(await cli.client(), { all: flags.all, filters });
    const digestsShown = format.includes('{{.Digest}}');
    const options = { truncate: !flags['no-trunc'], digests: flags.digests, digestsShown };
    const rows = images.flatMap(image => imageRows(image, options));
    if (flags.digests && format !== 'table' && format.startsWith('table') && !digestsShown) format += '\t{{.Digest}}';
    const listing = flags.digests ? imageListingWithDigests : imageListing;
    cli.out.write(await formatListing(listing, rows, { format, quiet: flags.quiet }));
    if (images.length === 0 && name !== undefined && cli.path === 'docker images') hint(cli.err, name);
  },
});

const verbs = 'build history import inspect list load ls prune pull push rm save tag'.split(' ');

/** `docker images ls` looks for an image of that name; most who type it mean the command. */
function hint(err: { write(text: string): void }, name: string): void {
  if (verbs.includes(name)) err.write(`\nNo images found matching "${name}": did you mean "docker image ${name}"?\n`);
}
