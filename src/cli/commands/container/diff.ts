import { changes } from '../../../client/containers.ts';
import { defineCommand, exactly } from '../../framework/command.ts';

const letters = ['C', 'A', 'D'];

export const command = defineCommand({
  usage: 'CONTAINER',
  summary: 'Show which files a container has changed (C), added (A) and deleted (D)',
  arguments: exactly(1),
  flags: {},
  async run(cli, _flags, [container = '']) {
    for (const { Kind, Path } of await changes(await cli.client(), container)) cli.out.line(`${letters[Kind]} ${Path}`);
  },
});
