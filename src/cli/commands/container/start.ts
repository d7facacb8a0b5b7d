import type { EngineClient } from '../../../client/client.ts';
import * as containers from '../../../client/containers.ts';
import type { Cli } from '../../framework/cli.ts';
import { atLeast, defineCommand } from '../../framework/command.ts';
import { ExitError } from '../../framework/errors.ts';
import { detachKeysOf } from './attached.ts';

export const command = defineCommand({
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  summary: 'Start stopped containers',
  arguments: atLeast(1),
  flags: {
    attach: { type: 'bool', short: 'a', summary: 'Show the output, and pass signals on' },
    checkpoint: { type: 'string', summary: 'Checkpoint to go on from' },
    'checkpoint-dir': { type: 'string', summary: 'Directory of the checkpoints' },
    'detach-keys': { type: 'string', summary: 'Keys that leave the container running, with a terminal' },
    interactive: { type: 'bool', short: 'i', summary: 'Send stdin' },
  },
  async run(cli, flags, names) {
    const detachKeys = await detachKeysOf(cli, flags['detach-keys']);
    const options = { checkpoint: flags.checkpoint, checkpointDir: flags['checkpoint-dir'] };
    const client = await cli.client();
    if (flags.attach || flags.interactive) {
      if (names.length > 1) throw new ExitError(1, 'you cannot start and attach multiple containers at once');
      const { startAttached } = await import('./start-attached.ts');
      return startAttached(cli, client, names[0]!, { ...options, stdin: flags.interactive, detachKeys });
    }
    if (flags.checkpoint !== '') {
      if (names.length > 1) throw new ExitError(1, 'you cannot restore multiple containers at once');
      await containers.start(client, names[0]!, options);
      return 0;
    }
    await startAll(cli, client, names);
    return 0;
  },
});

/** One after the other: a container may need what an earlier one offers. */
async function startAll(cli: Cli, client: EngineClient, names: readonly string[]): Promise<void> {
  const failed: string[] = [];
  for (const name of names) {
    try {
      await containers.start(client, name);
      cli.out.line(name);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      cli.err.line(error.message);
      failed.push(name);
    }
    if (names.length > 1) await cli.flush();
  }
  if (failed.length > 0) throw new ExitError(1, `Error: failed to start containers: ${failed.join(', ')}`);
}
