import { defineCommand, noArguments } from '../../framework/command.ts';
import { contextName } from '../../framework/endpoint.ts';

export const command = defineCommand({
  usage: '',
  summary: 'Print the name of the current context',
  arguments: noArguments,
  flags: {},
  async run(cli) {
    cli.out.line(contextName(cli.globals, cli.config()));
  },
});
