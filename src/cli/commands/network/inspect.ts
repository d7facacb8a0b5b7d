import { inspect } from '../../format/inspect.ts';
import { findNetwork } from '../../format/inspectable.ts';
import { atLeast, defineCommand } from '../../framework/command.ts';
import { inspectFormatFlag } from '../../options/format.ts';

export const command = defineCommand({
  usage: '[OPTIONS] NETWORK [NETWORK...]',
  summary: 'Show everything known about networks',
  arguments: atLeast(1),
  flags: {
    format: inspectFormatFlag,
    verbose: { type: 'bool', short: 'v', summary: 'Show the tasks and services on it, too' },
  },
  async run(cli, flags, names) {
    const client = await cli.client();
    await inspect(cli, names, flags.format, name => findNetwork(client, name, flags.verbose));
  },
});
