import { stop } from '../../../client/containers.ts';
import { atLeast, defineCommand } from '../../framework/command.ts';
import { isGiven } from '../../framework/flags.ts';
import { forEachArgument } from '../../framework/for-each.ts';

export const command = defineCommand({
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  summary: 'Ask containers to end, and end those that take too long',
  arguments: atLeast(1),
  flags: {
    signal: { type: 'string', short: 's', summary: 'Signal to ask with' },
    timeout: { type: 'int', short: 't', also: ['time'], summary: 'Seconds to wait before the kill (-1: for ever)' },
  },
  async run(cli, flags, containers) {
    const client = await cli.client();
    const options = { signal: flags.signal, timeout: isGiven(flags, 'timeout') ? flags.timeout : undefined };
    await forEachArgument(cli, containers, id => stop(client, id, options));
  },
});
