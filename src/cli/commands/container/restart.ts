import { restart } from '../../../client/containers.ts';
import { atLeast, defineCommand } from '../../framework/command.ts';
import { forEachArgument } from '../../framework/for-each.ts';
import { stopFlags, stopOptions } from './stop.ts';

export const command = defineCommand({
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  summary: 'Stop containers and start them again',
  arguments: atLeast(1),
  flags: stopFlags,
  async run(cli, flags, containers) {
    const options = stopOptions(flags);
    const client = await cli.client();
    // One after the other, as Docker does: what depends on an earlier one finds it running.
    await forEachArgument(cli, containers, id => restart(client, id, options), 1);
  },
});
