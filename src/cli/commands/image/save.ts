import { save } from '../../../client/images.ts';
import { atLeast, defineCommand } from '../../framework/command.ts';
import { platformQueries } from '../../options/platform.ts';
import { saveArchive } from '../../stdio/save-archive.ts';

export const command = defineCommand({
  usage: '[OPTIONS] IMAGE [IMAGE...]',
  summary: 'Write images to an archive',
  arguments: atLeast(1),
  flags: {
    output: { type: 'string', short: 'o', summary: 'File to write to, instead of stdout' },
    platform: { type: 'stringSlice', since: '1.48', summary: 'Only this platform of the images (os[/arch[/variant]])' },
  },
  async run(cli, flags, names) {
    const platforms = platformQueries(flags.platform);
    const client = await cli.client();
    await saveArchive(flags.output, 'failed to save image', () => save(client, names, platforms));
  },
});
