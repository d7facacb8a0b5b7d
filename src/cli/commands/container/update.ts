import { update } from '../../../client/containers.ts';
import type { ContainerUpdateRequest } from '../../../wire/types.ts';
import { atLeast, defineCommand } from '../../framework/command.ts';
import { ExitError } from '../../framework/errors.ts';
import { isGiven } from '../../framework/flags.ts';
import { parseRestartPolicy } from './create-options/general.ts';
import { updatableFlags, updatableResources } from './create-options/resources.ts';

export const command = defineCommand({
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  summary: 'Change the limits of containers',
  arguments: atLeast(1),
  flags: {
    ...updatableFlags,
    restart: {
      type: 'string',
      summary: 'What to do when the process ends: no, always, unless-stopped, on-failure[:times]',
    },
  },
  async run(cli, flags, containers) {
    const names = [...Object.keys(updatableFlags), 'restart'] as (keyof typeof updatableFlags | 'restart')[];
    if (!names.some(name => isGiven(flags, name))) {
      throw new ExitError(1, 'you must provide one or more flags when using this command');
    }
    const change: ContainerUpdateRequest = {
      ...updatableResources(flags),
      ...(flags['pids-limit'] !== 0 && { PidsLimit: flags['pids-limit'] }),
      RestartPolicy: flags.restart === '' ? {} : parseRestartPolicy(flags.restart),
    };
    const client = await cli.client();
    const warnings: string[] = [];
    const errors: string[] = [];
    for (const id of containers) {
      try {
        warnings.push(...((await update(client, id, change)).Warnings ?? []));
        cli.out.line(id);
      } catch (error) {
        errors.push(error instanceof Error ? error.message : String(error));
      }
    }
    for (const warning of warnings) cli.out.line(warning);
    if (errors.length > 0) throw new ExitError(1, errors.join('\n'));
  },
});
