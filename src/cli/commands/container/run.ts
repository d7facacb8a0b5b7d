import type { EngineClient } from '../../../client/client.ts';
import * as containers from '../../../client/containers.ts';
import type { ContainerCreateRequest } from '../../../wire/types.ts';
import type { Cli } from '../../framework/cli.ts';
import { atLeast, defineCommand } from '../../framework/command.ts';
import { ExitError } from '../../framework/errors.ts';
import { detachKeysOf } from './attached.ts';
import { createContainer, refusal, requestOf } from './create-container.ts';
import { type CreateFlags, createFlags } from './create-options/create-options.ts';

const runFlags = {
  ...createFlags,
  detach: { type: 'bool', short: 'd', summary: "Don't wait: print the container's ID and leave it running" },
  'detach-keys': { type: 'string', summary: 'Keys that leave the container running, with a terminal' },
  'sig-proxy': { type: 'bool', default: true, summary: 'Pass signals on to the process' },
} as const;

export const command = defineCommand({
  usage: '[OPTIONS] IMAGE [COMMAND] [ARG...]',
  summary: 'Make a container from an image and run it',
  arguments: atLeast(1),
  flagsFirst: true,
  flags: runFlags,
  async run(cli, flags, args) {
    const request = await requestOf(cli, flags, args);
    if (flags.detach && flags.attach.length > 0) {
      throw new ExitError(1, 'conflicting options: cannot specify both --attach and --detach');
    }
    const attached = !flags.detach && Boolean(request.AttachStdin || request.AttachStdout || request.AttachStderr);
    const detachKeys = await detachKeysOf(cli, flags['detach-keys']);
    if (!attached) return runDetached(cli, flags, request);
    const { runAttached } = await import('./run-attached.ts');
    return runAttached(cli, flags, request, { detachKeys, signals: flags['sig-proxy'] });
  },
});

async function runDetached(cli: Cli, flags: CreateFlags, request: ContainerCreateRequest): Promise<number> {
  Object.assign(request, { AttachStdin: false, AttachStdout: false, AttachStderr: false, StdinOnce: false });
  const client = await cli.client();
  const id = await create(cli, client, request, flags);
  cli.out.line(id);
  await startOrExplain(cli, client, id);
  return 0;
}

/** As createContainer, with the exit code of a failed run. */
export async function create(
  cli: Cli,
  client: EngineClient,
  request: ContainerCreateRequest,
  flags: CreateFlags,
): Promise<string> {
  try {
    return await createContainer(cli, client, request, flags);
  } catch (error) {
    throw failure(cli, error);
  }
}

export async function startOrExplain(cli: Cli, client: EngineClient, id: string): Promise<void> {
  try {
    await containers.start(client, id);
  } catch (error) {
    throw failure(cli, error);
  }
}

/** 127: there is no such program; 126: it can't be run; 125: everything else. */
function failure(cli: Cli, error: unknown): ExitError {
  const message = error instanceof Error ? error.message : String(error);
  if (/executable file not found|no such file or directory|system cannot find the file specified/.test(message)) {
    return refusal(cli, error, 127);
  }
  return refusal(cli, error, /permission denied|is a directory/.test(message) ? 126 : 125);
}
