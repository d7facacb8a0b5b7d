import { unpause } from '../../../client/containers.ts';
import { atLeast, defineCommand } from '../../framework/command.ts';
import { forEachArgument } from '../../framework/for-each.ts';

export const command = defineCommand({
  usage: 'CONTAINER [CONTAINER...]',
  summary: 'Let frozen containers go on',
  arguments: atLeast(1),
  flags: {},
  async run(cli, _flags, containers) {
    const client = await cli.client();
    await forEachArgument(cli, containers, id => unpause(client, id));
  },
});
