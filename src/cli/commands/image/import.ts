import { importImage } from '../../../client/images.ts';
import { parseReference } from '../../../lib/reference.ts';
import { atLeast, defineCommand } from '../../framework/command.ts';
import { showProgress } from '../../framework/progress.ts';
import { fileSource, stdinSource } from '../../options/archive-input.ts';
import { defaultPlatform } from '../../options/platform.ts';
import { drawingSize } from '../../stdio/terminal.ts';

export const command = defineCommand({
  usage: '[OPTIONS] file|URL|- [REPOSITORY[:TAG]]',
  summary: 'Make an image of a tar archive of files',
  arguments: atLeast(1),
  flags: {
    change: { type: 'list', short: 'c', summary: 'Instruction of a Dockerfile to apply' },
    message: { type: 'string', short: 'm', summary: 'What it is for' },
    platform: { type: 'string', summary: 'What the files are for (os[/arch[/variant]])' },
  },
  async run(cli, flags, [source = '', name = '']) {
    // The engine takes the name as it is; a wrong one is found out before the archive is sent.
    if (name !== '') parseReference(name);
    const isUrl = /^https?:\/\//.test(source);
    const archive = source === '-' ? stdinSource() : isUrl ? undefined : await fileSource(source);
    const progress = await importImage(
      await cli.client(),
      {
        source: isUrl ? source : '-',
        repo: name,
        message: flags.message,
        changes: flags.change,
        platform: (flags.platform || defaultPlatform()).toLowerCase(),
      },
      archive,
    );
    await showProgress(progress, cli.out, { size: drawingSize(1) });
  },
});
