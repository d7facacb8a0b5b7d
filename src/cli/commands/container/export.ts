import { exportFilesystem } from '../../../client/containers.ts';
import { defineCommand, exactly } from '../../framework/command.ts';
import { saveArchive } from '../../stdio/save-archive.ts';

export const command = defineCommand({
  usage: '[OPTIONS] CONTAINER',
  summary: "Write a container's file system as a tar archive",
  arguments: exactly(1),
  flags: {
    output: { type: 'string', short: 'o', summary: 'File to write to, instead of stdout' },
  },
  async run(cli, flags, [container = '']) {
    const client = await cli.client();
    await saveArchive(flags.output, 'failed to export container', () => exportFilesystem(client, container));
  },
});
