import { top } from '../../../client/containers.ts';
import { alignTabs } from '../../format/tab-writer.ts';
import { atLeast, defineCommand } from '../../framework/command.ts';

export const command = defineCommand({
  usage: 'CONTAINER [ps OPTIONS]',
  summary: 'Show the processes of a container',
  arguments: atLeast(1),
  flagsFirst: true,
  flags: {},
  async run(cli, _flags, [container = '', ...psArgs]) {
    const { Titles = [], Processes } = await top(await cli.client(), container, psArgs.join(' '));
    const rows = [Titles, ...(Processes ?? [])].map(cells => `${cells.join('\t')}\n`).join('');
    cli.out.write(alignTabs(rows, { minWidth: 20, padding: 3 }));
  },
});
