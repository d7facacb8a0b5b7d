import { inspect } from '../../format/inspect.ts';
import { findImage } from '../../format/inspectable.ts';
import { atLeast, defineCommand } from '../../framework/command.ts';
import { inspectFormatFlag } from '../../options/format.ts';
import { platformQuery } from '../../options/platform.ts';

export const command = defineCommand({
  usage: '[OPTIONS] IMAGE [IMAGE...]',
  summary: 'Show everything known about images',
  arguments: atLeast(1),
  flags: {
    format: inspectFormatFlag,
    platform: {
      type: 'string',
      since: '1.49',
      summary: 'The platform, where the image has several (os[/arch[/variant]])',
    },
  },
  async run(cli, flags, names) {
    const platform = platformQuery(flags.platform);
    const client = await cli.client();
    await inspect(cli, names, flags.format, name => findImage(client, name, platform));
  },
});
