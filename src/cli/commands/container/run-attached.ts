// `docker run` in the foreground. The engine watches for the end, and we are attached, before the container starts: neither its
// first output nor its exit code can be missed.
import * as containers from '../../../client/containers.ts';
import type { ContainerCreateRequest } from '../../../wire/types.ts';
import type { Cli } from '../../framework/cli.ts';
import { Session } from '../../stdio/session.ts';
import { checkInputTerminal, followTerminal, terminalSize, watchEnd } from './attached.ts';
import type { CreateFlags } from './create-options/create-options.ts';
import { create, startOrExplain } from './run.ts';

export interface AttachedRunOptions {
  detachKeys: string;
  signals: boolean;
}

export async function runAttached(
  cli: Cli,
  flags: CreateFlags,
  request: ContainerCreateRequest,
  { detachKeys, signals }: AttachedRunOptions,
): Promise<number> {
  const stdin = Boolean(request.AttachStdin);
  const stdout = Boolean(request.AttachStdout);
  const stderr = Boolean(request.AttachStderr);
  const tty = Boolean(request.Tty);
  await checkInputTerminal(stdin, tty);
  const size = tty ? await terminalSize() : undefined;
  if (size && request.HostConfig) request.HostConfig.ConsoleSize = [size.rows, size.columns];

  const client = await cli.client();
  // Attaching, waiting and starting each have a connection of their own: made while the engine makes the container.
  // If one can't be made, the request that needs it says why.
  client.prepare(2).catch(() => undefined);
  const signalsLoaded = import('../../stdio/signals.ts');
  const id = await create(cli, client, request, flags);
  const ready = Promise.all([
    containers.attach(client, id, { stream: true, stdin, stdout, stderr, detachKeys }),
    watchEnd(cli, client, id, flags.rm),
  ]);
  // Awaited below; a refusal that comes earlier must not count as unhandled.
  ready.catch(() => undefined);
  const { forwardSignals } = await signalsLoaded;
  const stopForwarding = forwardSignals(signals ? signal => containers.kill(client, id, signal) : undefined);
  const [stream, { status }] = await ready;
  await cli.flush();
  const session = new Session(stream, { tty, stdin, output: stdout || stderr, detachKeys });
  const ended = session.run();
  try {
    await startOrExplain(cli, client, id);
  } catch (error) {
    session.close();
    await ended;
    // The container that could not start is being removed: that must be over when we are.
    if (flags.rm) await status;
    throw error;
  }
  if (tty) await followTerminal(client, id);

  // Without output to wait for, the container's end is the end, whatever stdin has left.
  const end = stdout || stderr ? await ended : await Promise.race([ended, status.then(() => 'ended' as const)]);
  if (end === 'detached') return 0;
  const code = await status;
  stopForwarding();
  return code;
}
