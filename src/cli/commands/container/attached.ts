// What commands share that join our terminal with a container's process.
import type { EngineClient } from '../../../client/client.ts';
import * as containers from '../../../client/containers.ts';
import type { ContainerWaitResponse } from '../../../wire/types.ts';
import type { Cli } from '../../framework/cli.ts';
import { ExitError } from '../../framework/errors.ts';

/** The keys of the command line, or those of the config; checked only when they are given here. */
export async function detachKeysOf(cli: Cli, given: string): Promise<string> {
  if (given === '') return cli.config().detachKeys ?? '';
  const { parseDetachKeys } = await import('../../../lib/detach-keys.ts');
  try {
    parseDetachKeys(given);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new ExitError(1, `invalid detach keys (${given}): ${error.message}`);
  }
  return given;
}

/** A process with a terminal can't read its input from something else. */
export async function checkInputTerminal(attachStdin: boolean, tty: boolean): Promise<void> {
  if (!attachStdin || !tty) return;
  const { isTerminal } = await import('../../stdio/terminal.ts');
  if (!isTerminal(0)) {
    throw new ExitError(1, 'the input device is not a TTY');
  }
}

/** The size of our terminal, if our output is one. */
export async function terminalSize() {
  const { windowSize } = await import('../../stdio/terminal.ts');
  return windowSize(1);
}

/** The exit code to end with. Registered with the engine once the outer promise has resolved. */
export async function watchEnd(
  cli: Cli,
  client: EngineClient,
  id: string,
  autoRemove: boolean,
): Promise<{ status: Promise<number> }> {
  const { result } = await containers.wait(client, id, autoRemove ? 'removed' : 'next-exit');
  return { status: statusOf(cli, result) };
}

async function statusOf(cli: Cli, result: Promise<ContainerWaitResponse>): Promise<number> {
  try {
    const { Error: failure, StatusCode } = await result;
    if (!failure?.Message) return StatusCode;
    cli.err.line(`Error waiting for container: ${failure.Message}`);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    cli.err.line(`error waiting for container: ${error.message}`);
  }
  return 125;
}

/** Signals go to the container. */
export async function forwardSignalsTo(client: EngineClient, id: string): Promise<() => void> {
  const { forwardSignals } = await import('../../stdio/signals.ts');
  return forwardSignals(signal => containers.kill(client, id, signal));
}

/**
 * Keeps the terminal in the container as large as ours. Engines take its first size from the request that makes it, but not
 * all of them do, and some a little late: it is told in any case.
 */
export async function followTerminal(client: EngineClient, id: string): Promise<void> {
  const { followWindowSize, isTerminal } = await import('../../stdio/terminal.ts');
  if (isTerminal(1)) followWindowSize(1, size => containers.resize(client, id, size));
}
