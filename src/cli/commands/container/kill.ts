import { kill } from '../../../client/containers.ts';
import { atLeast, defineCommand } from '../../framework/command.ts';
import { forEachArgument } from '../../framework/for-each.ts';

export const command = defineCommand({
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  summary: 'Send a signal to containers, SIGKILL by default',
  arguments: atLeast(1),
  flags: {
    signal: { type: 'string', short: 's', summary: 'Signal to send' },
  },
  async run(cli, flags, containers) {
    const client = await cli.client();
    await forEachArgument(cli, containers, id => kill(client, id, flags.signal));
  },
});
