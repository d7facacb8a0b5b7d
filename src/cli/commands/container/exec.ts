import type { EngineClient } from '../../../client/client.ts';
import { ConnectionError } from '../../../client/errors.ts';
import * as execs from '../../../client/exec.ts';
import type { ExecConfig } from '../../../wire/types.ts';
import { atLeast, defineCommand } from '../../framework/command.ts';
import { ExitError } from '../../framework/errors.ts';
import { Session } from '../../stdio/session.ts';
import { checkInputTerminal, detachKeysOf, terminalSize } from './attached.ts';
import { readEnvironment, validateEnv } from './create-options/key-values.ts';

/** A connection on which nothing was said for hours may be lost without either side knowing: then the end is asked for again. */
const PATIENCE_MS = 1000;

export const command = defineCommand({
  usage: '[OPTIONS] CONTAINER COMMAND [ARG...]',
  summary: 'Run a command in a running container',
  arguments: atLeast(2),
  flagsFirst: true,
  flags: {
    detach: { type: 'bool', short: 'd', summary: "Don't wait for it" },
    'detach-keys': { type: 'string', summary: 'Keys that leave the command running, with a terminal' },
    env: { type: 'list', short: 'e', parse: validateEnv, summary: 'Environment variable' },
    'env-file': { type: 'list', summary: 'File with environment variables, one per line' },
    interactive: { type: 'bool', short: 'i', summary: 'Keep stdin open' },
    privileged: { type: 'bool', summary: 'Every privilege there is' },
    tty: { type: 'bool', short: 't', summary: 'Give the command a terminal' },
    user: { type: 'string', short: 'u', summary: 'User, and group: <name|uid>[:<group|gid>]' },
    workdir: { type: 'string', short: 'w', summary: 'Working directory' },
  },
  async run(cli, flags, [container = '', ...Cmd]) {
    const attached = !flags.detach;
    const stdin = attached && flags.interactive;
    const { tty } = flags;
    const DetachKeys = await detachKeysOf(cli, flags['detach-keys']);
    await checkInputTerminal(stdin, tty);
    const size = tty ? await terminalSize() : undefined;
    const ConsoleSize = size ? [size.rows, size.columns] : undefined;
    const config: ExecConfig = {
      User: flags.user,
      Privileged: flags.privileged,
      Tty: tty,
      ConsoleSize,
      AttachStdin: stdin,
      AttachStdout: attached,
      AttachStderr: attached,
      DetachKeys,
      Env: await readEnvironment(flags['env-file'], flags.env),
      WorkingDir: flags.workdir,
      Cmd,
    };
    const client = await cli.client();
    if (!attached) {
      const id = await execs.create(client, container, config);
      await execs.startDetached(client, id, { Tty: tty, ConsoleSize });
      return 0;
    }
    const starting = execs.run(client, container, config);
    // How it ends is asked while it runs, on a connection of its own. If that fails it is asked again, and that says why.
    client.prepare(1).catch(() => undefined);
    const { id, stream } = await starting;
    const end = execs.inspectAtEnd(client, id).catch(() => undefined);
    const session = new Session(stream, { tty, stdin, output: true, detachKeys: DetachKeys });
    const ended = session.run();
    if (tty) await followTerminal(client, id);
    if ((await ended) === 'detached') throw new ExitError(1, 'read escape sequence');
    return exitCode(client, id, end);
  },
});

async function followTerminal(client: EngineClient, id: string): Promise<void> {
  const { followWindowSize, isTerminal } = await import('../../stdio/terminal.ts');
  if (isTerminal(0)) followWindowSize(1, window => execs.resize(client, id, window));
}

async function exitCode(client: EngineClient, id: string, end: Promise<execs.ExecState | undefined>): Promise<number> {
  const answer = await Promise.race([end, Bun.sleep(PATIENCE_MS).then(() => undefined)]);
  try {
    return (answer ?? (await execs.inspect(client, id))).ExitCode ?? 0;
  } catch (error) {
    if (error instanceof ConnectionError) {
      const why = `the engine went away in the middle of the command, which may still run: ${error.message}`;
      throw new ExitError(255, why);
    }
    throw error;
  }
}
