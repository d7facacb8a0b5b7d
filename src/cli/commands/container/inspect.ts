import { inspect } from '../../format/inspect.ts';
import { findContainer } from '../../format/inspectable.ts';
import { atLeast, defineCommand } from '../../framework/command.ts';
import { inspectFormatFlag } from '../../options/format.ts';

export const command = defineCommand({
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  summary: 'Show everything known about containers',
  arguments: atLeast(1),
  flags: {
    format: inspectFormatFlag,
    size: { type: 'bool', short: 's', summary: 'Find out how much disk space they take, too' },
  },
  async run(cli, flags, names) {
    const client = await cli.client();
    await inspect(cli, names, flags.format, name => findContainer(client, name, flags.size));
  },
});
