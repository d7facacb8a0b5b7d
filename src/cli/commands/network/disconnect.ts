import { disconnect } from '../../../client/networks.ts';
import { defineCommand, exactly } from '../../framework/command.ts';

export const command = defineCommand({
  usage: '[OPTIONS] NETWORK CONTAINER',
  summary: 'Take a container off a network',
  arguments: exactly(2),
  flags: {
    force: { type: 'bool', short: 'f', summary: 'Do it even if the container is gone or elsewhere' },
  },
  async run(cli, flags, [network, container]) {
    await disconnect(await cli.client(), network!, container!, flags.force);
  },
});
