import { inspect } from '../../format/inspect.ts';
import { findVolume } from '../../format/inspectable.ts';
import { atLeast, defineCommand } from '../../framework/command.ts';
import { inspectFormatFlag } from '../../options/format.ts';

export const command = defineCommand({
  usage: '[OPTIONS] VOLUME [VOLUME...]',
  summary: 'Show everything known about volumes',
  arguments: atLeast(1),
  flags: { format: inspectFormatFlag },
  async run(cli, flags, names) {
    const client = await cli.client();
    await inspect(cli, names, flags.format, async name => ({ ...(await findVolume(client, name)), typedOnly: true }));
  },
});
