import { history } from '../../../client/images.ts';
import { formatListing } from '../../format/listing.ts';
import { historyListing, machineHistoryListing } from '../../format/lists/history.ts';
import { defineCommand, exactly } from '../../framework/command.ts';
import { listFormatFlag } from '../../options/format.ts';
import { platformQuery } from '../../options/platform.ts';

export const command = defineCommand({
  usage: '[OPTIONS] IMAGE',
  summary: 'Show the layers of an image',
  arguments: exactly(1),
  flags: {
    format: listFormatFlag,
    human: { type: 'bool', short: 'H', default: true, summary: 'Print sizes and dates for people' },
    'no-trunc': { type: 'bool', summary: "Don't shorten anything" },
    platform: {
      type: 'string',
      since: '1.48',
      summary: "The platform's layers, where the image has several (os[/arch[/variant]])",
    },
    quiet: { type: 'bool', short: 'q', summary: 'Print the ids only' },
  },
  async run(cli, flags, [image]) {
    const { human, format, quiet, platform } = flags;
    const layers = await history(await cli.client(), image!, platformQuery(platform));
    const rows = layers.map(layer => ({ layer, truncate: !flags['no-trunc'], human }));
    cli.out.write(await formatListing(human ? historyListing : machineHistoryListing, rows, { format, quiet }));
  },
});
