import { diskUsage } from '../../../client/system.ts';
import { usageText, verboseText } from '../../format/disk-usage.ts';
import { defineCommand, noArguments } from '../../framework/command.ts';
import { listFormatFlag } from '../../options/format.ts';

export const command = defineCommand({
  usage: '[OPTIONS]',
  summary: 'Show what takes up disk space',
  arguments: noArguments,
  flags: {
    format: listFormatFlag,
    verbose: { type: 'bool', short: 'v', summary: 'Show each thing by itself' },
  },
  async run(cli, { format, verbose }) {
    const usage = await diskUsage(await cli.client());
    cli.out.write(await (verbose ? verboseText(usage, format) : usageText(usage, format)));
  },
});
