import { remove } from '../../../client/containers.ts';
import { isStatus } from '../../../client/errors.ts';
import { atLeast, defineCommand } from '../../framework/command.ts';
import { ExitError } from '../../framework/errors.ts';
import { forEachArgument, SKIP } from '../../framework/for-each.ts';

export const command = defineCommand({
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  summary: 'Remove containers',
  arguments: atLeast(1),
  flags: {
    force: { type: 'bool', short: 'f', summary: 'Kill it first if it runs' },
    link: { type: 'bool', short: 'l', summary: 'Remove the link of this name' },
    volumes: { type: 'bool', short: 'v', summary: 'Remove its anonymous volumes, too' },
  },
  async run(cli, flags, containers) {
    const client = await cli.client();
    await forEachArgument(cli, containers, async arg => {
      const id = arg.replace(/^\/+|\/+$/g, '');
      if (id === '') throw new ExitError(1, 'container name cannot be empty');
      try {
        await remove(client, id, flags);
      } catch (error) {
        if (!(flags.force && isStatus(error, 404))) throw error;
        // Nothing there to remove: with --force that is what was wanted, and worth a word.
        cli.err.line(error.message);
        return SKIP;
      }
      return arg;
    });
  },
});
