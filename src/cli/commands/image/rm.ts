import { isStatus } from '../../../client/errors.ts';
import { remove } from '../../../client/images.ts';
import { atLeast, defineCommand } from '../../framework/command.ts';
import { ExitError } from '../../framework/errors.ts';
import { platformQueries } from '../../options/platform.ts';

export const command = defineCommand({
  usage: '[OPTIONS] IMAGE [IMAGE...]',
  summary: 'Remove images',
  arguments: atLeast(1),
  flags: {
    force: {
      type: 'bool',
      short: 'f',
      summary: 'Remove an image with several names, or one that a stopped container uses',
    },
    'no-prune': { type: 'bool', summary: 'Keep parents that have no name' },
    platform: { type: 'stringSlice', since: '1.50', summary: 'Only this platform of the images (os[/arch[/variant]])' },
  },
  async run(cli, flags, names) {
    const options = {
      force: flags.force,
      noPrune: flags['no-prune'],
      platforms: platformQueries(flags.platform),
    };
    const client = await cli.client();
    const errors: string[] = [];
    let isFatal = false;
    for (const name of names) {
      try {
        for (const { Deleted: deleted, Untagged: untagged } of await remove(client, name, options)) {
          cli.out.line(deleted ? `Deleted: ${deleted}` : `Untagged: ${untagged}`);
        }
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        if (!isStatus(error, 404)) isFatal = true;
        errors.push(error.message);
      }
    }
    if (errors.length === 0) return;
    // With --force, images that are not there are worth a word and no failure.
    if (!flags.force || isFatal) throw new ExitError(1, errors.join('\n'));
    cli.err.line(errors.join('\n'));
  },
});
