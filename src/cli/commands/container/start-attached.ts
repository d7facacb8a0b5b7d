// `docker start -a`: attached, and watching for the end, before the container starts.
import type { EngineClient } from '../../../client/client.ts';
import * as containers from '../../../client/containers.ts';
import type { Cli } from '../../framework/cli.ts';
import { Session } from '../../stdio/session.ts';
import { checkInputTerminal, followTerminal, forwardSignalsTo, watchEnd } from './attached.ts';

export interface AttachedStartOptions extends containers.StartOptions {
  stdin: boolean;
  detachKeys: string;
}

export async function startAttached(
  cli: Cli,
  client: EngineClient,
  name: string,
  { stdin: wantsStdin, detachKeys, ...options }: AttachedStartOptions,
): Promise<number> {
  const { Id, Config, HostConfig } = await containers.inspect(client, name);
  const id = Id ?? name;
  const tty = Boolean(Config?.Tty);
  const autoRemove = Boolean(HostConfig?.AutoRemove);
  const stdin = wantsStdin && Boolean(Config?.OpenStdin);
  await checkInputTerminal(stdin, tty);
  const stopForwarding = tty ? undefined : await forwardSignalsTo(client, id);
  const [stream, { status }] = await Promise.all([
    containers.attach(client, id, { stream: true, stdin, stdout: true, stderr: true, detachKeys }),
    watchEnd(cli, client, id, autoRemove),
  ]);
  const session = new Session(stream, { tty, stdin, output: true, detachKeys });
  const ended = session.run();
  try {
    await containers.start(client, id, options);
  } catch (error) {
    session.close();
    await ended;
    if (autoRemove) await status;
    throw error;
  }
  if (tty) await followTerminal(client, id);
  if ((await ended) === 'detached') return 0;
  const code = await status;
  stopForwarding?.();
  return code;
}
