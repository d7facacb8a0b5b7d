import type { EngineClient } from '../../../client/client.ts';
import * as containers from '../../../client/containers.ts';
import type { ContainerInspectResponse } from '../../../wire/types.ts';
import { defineCommand, exactly } from '../../framework/command.ts';
import { ExitError } from '../../framework/errors.ts';
import { Session } from '../../stdio/session.ts';
import { checkInputTerminal, detachKeysOf, followTerminal, forwardSignalsTo } from './attached.ts';

export const command = defineCommand({
  usage: '[OPTIONS] CONTAINER',
  summary: 'Join the input and output of a running container',
  arguments: exactly(1),
  flags: {
    'detach-keys': { type: 'string', summary: 'Keys that leave the container running, with a terminal' },
    'no-stdin': { type: 'bool', summary: "Don't send stdin" },
    'sig-proxy': { type: 'bool', default: true, summary: 'Pass signals on to the process' },
  },
  async run(cli, flags, [container = '']) {
    const detachKeys = await detachKeysOf(cli, flags['detach-keys']);
    const client = await cli.client();
    // Watched from the start: a container that ends meanwhile has been seen ending.
    const [{ result }, { Config }] = await Promise.all([
      containers.wait(client, container),
      attachable(client, container),
    ]);
    // Awaited at the end: an engine that goes away before that ends the stream, too, and is told then.
    result.catch(() => undefined);
    const tty = Boolean(Config?.Tty);
    await checkInputTerminal(!flags['no-stdin'], tty);
    const stdin = !flags['no-stdin'] && Boolean(Config?.OpenStdin);
    const stopForwarding = flags['sig-proxy'] && !tty ? await forwardSignalsTo(client, container) : undefined;
    const stream = await containers.attach(client, container, {
      stream: true,
      stdin,
      stdout: true,
      stderr: true,
      detachKeys,
    });
    // If it ended before we were attached, no end of the stream would ever come.
    await attachable(client, container);
    const session = new Session(stream, { tty, stdin, output: true, detachKeys });
    const ended = session.run();
    if (tty) await redraw(client, container);
    if ((await ended) === 'detached') throw new ExitError(1, 'read escape sequence');
    const { StatusCode, Error: failure } = await result;
    stopForwarding?.();
    if (failure?.Message) throw new ExitError(1, failure.Message);
    return StatusCode;
  },
});

async function attachable(client: EngineClient, id: string): Promise<ContainerInspectResponse> {
  const container = await containers.inspect(client, id);
  const refuse = (what: string) => new ExitError(1, `You cannot attach to a ${what}`);
  const { State } = container;
  if (!State?.Running) throw refuse('stopped container, start it first');
  if (State.Paused) throw refuse('paused container, unpause it first');
  if (State.Restarting) throw refuse('restarting container, wait until it is running');
  return container;
}

/** Whoever attaches to a terminal sees nothing until the program draws, and it draws when the size changes. */
async function redraw(client: EngineClient, id: string): Promise<void> {
  const { isTerminal, windowSize } = await import('../../stdio/terminal.ts');
  const size = isTerminal(1) ? windowSize(1) : undefined;
  if (!size) return;
  try {
    await containers.resize(client, id, { rows: size.rows + 1, columns: size.columns + 1 });
  } catch (error) {
    // The container has just ended: the session tells.
    if (!(error instanceof Error)) throw error;
  }
  await followTerminal(client, id);
}
