import { wait } from '../../../client/containers.ts';
import { atLeast, defineCommand } from '../../framework/command.ts';
import { forEachArgument } from '../../framework/for-each.ts';

export const command = defineCommand({
  usage: 'CONTAINER [CONTAINER...]',
  summary: 'Wait for containers to end and print their exit codes',
  arguments: atLeast(1),
  flags: {},
  async run(cli, _flags, containers) {
    const client = await cli.client();
    await forEachArgument(cli, containers, async id => String((await (await wait(client, id)).result).StatusCode), 1);
  },
});
