import { load } from '../../../client/images.ts';
import { defineCommand, noArguments } from '../../framework/command.ts';
import { ExitError } from '../../framework/errors.ts';
import { showProgress } from '../../framework/progress.ts';
import { fileSource, stdinSource } from '../../options/archive-input.ts';
import { platformQueries } from '../../options/platform.ts';
import { drawingSize, isTerminal } from '../../stdio/terminal.ts';

export const command = defineCommand({
  usage: '[OPTIONS]',
  summary: 'Read images from an archive that `save` wrote',
  arguments: noArguments,
  flags: {
    input: { type: 'string', short: 'i', summary: 'File to read, instead of stdin' },
    platform: { type: 'stringSlice', since: '1.48', summary: 'Only this platform of the images (os[/arch[/variant]])' },
    quiet: { type: 'bool', short: 'q', summary: 'Show no progress' },
  },
  async run(cli, flags) {
    const platforms = platformQueries(flags.platform);
    if (flags.input === '' && isTerminal(0)) {
      throw new ExitError(1, 'requested load from stdin, but stdin is empty');
    }
    const archive = flags.input === '' ? stdinSource() : await fileSource(flags.input);
    const size = drawingSize(1);
    const quiet = flags.quiet || size === undefined;
    const { body, json } = await load(await cli.client(), archive, { quiet, platforms });
    if (json) await showProgress(body, cli.out, { size });
    else for await (const chunk of body) cli.out.write(Buffer.from(chunk).toString());
  },
});
