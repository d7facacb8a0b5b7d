import { list } from '../../../client/volumes.ts';
import { formatListing } from '../../format/listing.ts';
import { clusterVolumeListing, volumeListing } from '../../format/lists/volumes.ts';
import { compareNatural } from '../../format/natural-order.ts';
import { defineCommand, noArguments } from '../../framework/command.ts';
import { filterFlag, toFilters } from '../../options/filters.ts';
import { listFormatFlag } from '../../options/format.ts';

export const command = defineCommand({
  usage: '[OPTIONS]',
  summary: 'List volumes',
  arguments: noArguments,
  flags: {
    cluster: { type: 'bool', since: '1.42', summary: 'Only the volumes of the cluster, with what matters there' },
    filter: filterFlag('Only volumes that match: dangling=true, driver=local, label=name=value, ...'),
    format: listFormatFlag,
    quiet: { type: 'bool', short: 'q', summary: 'Print the names only' },
  },
  async run(cli, flags) {
    const { cluster, quiet } = flags;
    const listed = await list(await cli.client(), toFilters(flags.filter));
    const volumes = (listed.Volumes ?? []).filter(volume => !cluster || volume.ClusterVolume);
    volumes.sort((a, b) => compareNatural(a.Name, b.Name));
    let format = cluster ? '' : flags.format;
    if (format === '' && !quiet && !cluster) format = (await cli.config()).volumesFormat ?? '';
    const listing = cluster ? clusterVolumeListing : volumeListing;
    cli.out.write(await formatListing(listing, volumes, { format, quiet }));
  },
});
