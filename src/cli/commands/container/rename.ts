import { rename } from '../../../client/containers.ts';
import { defineCommand, exactly } from '../../framework/command.ts';
import { ExitError } from '../../framework/errors.ts';

export const command = defineCommand({
  usage: 'CONTAINER NEW_NAME',
  summary: 'Give a container another name',
  arguments: exactly(2),
  flags: {},
  async run(cli, _flags, [oldName = '', newName = '']) {
    try {
      await rename(await cli.client(), oldName, newName);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      throw new ExitError(1, `${error.message}\nError: failed to rename container named ${oldName}`);
    }
  },
});
