import { pause } from '../../../client/containers.ts';
import { atLeast, defineCommand } from '../../framework/command.ts';
import { forEachArgument } from '../../framework/for-each.ts';

export const command = defineCommand({
  usage: 'CONTAINER [CONTAINER...]',
  summary: 'Freeze all processes of containers',
  arguments: atLeast(1),
  flags: {},
  async run(cli, _flags, containers) {
    const client = await cli.client();
    await forEachArgument(cli, containers, id => pause(client, id));
  },
});
