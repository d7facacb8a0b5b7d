import { type StopOptions, stop } from '../../../client/containers.ts';
import { atLeast, defineCommand } from '../../framework/command.ts';
import { type FlagTable, type FlagValues, isGiven } from '../../framework/flags.ts';
import { forEachArgument } from '../../framework/for-each.ts';

export const stopFlags = {
  signal: { type: 'string', short: 's', summary: 'Signal to ask with' },
  timeout: {
    type: 'int',
    short: 't',
    formerly: { time: 'use --timeout instead' },
    summary: 'Seconds to wait before the kill (-1: for ever)',
  },
} as const satisfies FlagTable;

export function stopOptions(flags: FlagValues<typeof stopFlags>): StopOptions {
  return { signal: flags.signal, timeout: isGiven(flags, 'timeout') ? flags.timeout : undefined };
}

export const command = defineCommand({
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  summary: 'Ask containers to end, and end those that take too long',
  arguments: atLeast(1),
  flags: stopFlags,
  async run(cli, flags, containers) {
    const options = stopOptions(flags);
    const client = await cli.client();
    await forEachArgument(cli, containers, id => stop(client, id, options));
  },
});
