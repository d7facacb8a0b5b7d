import { atLeast, defineCommand } from '../../framework/command.ts';
import { createContainer, requestOf } from './create-container.ts';
import { createFlags } from './create-options/create-options.ts';

export const command = defineCommand({
  usage: '[OPTIONS] IMAGE [COMMAND] [ARG...]',
  summary: 'Make a container without starting it',
  arguments: atLeast(1),
  flagsFirst: true,
  flags: createFlags,
  async run(cli, flags, args) {
    const request = await requestOf(cli, flags, args);
    cli.out.line(await createContainer(cli, await cli.client(), request, flags));
  },
});
