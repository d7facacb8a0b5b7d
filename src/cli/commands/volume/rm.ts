import { remove } from '../../../client/volumes.ts';
import { atLeast, defineCommand } from '../../framework/command.ts';
import { joinErrors } from '../../framework/errors.ts';

export const command = defineCommand({
  usage: '[OPTIONS] VOLUME [VOLUME...]',
  summary: 'Remove volumes',
  details: 'Remove volumes. One that a container uses stays.',
  arguments: atLeast(1),
  flags: {
    force: { type: 'bool', short: 'f', summary: 'A volume that is not there is no error' },
  },
  async run(cli, flags, names) {
    const client = await cli.client();
    const errors: string[] = [];
    for (const name of names) {
      try {
        await remove(client, name, flags.force);
        cli.out.line(name);
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        errors.push(error.message);
      }
    }
    const failure = joinErrors(errors);
    if (failure) throw failure;
  },
});
