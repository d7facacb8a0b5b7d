import { isStatus } from '../../../client/errors.ts';
import { inspect, remove } from '../../../client/networks.ts';
import { atLeast, defineCommand } from '../../framework/command.ts';
import { ExitError } from '../../framework/errors.ts';
import { confirm } from '../../prompt.ts';

const ingressQuestion =
  'WARNING! Before removing the routing-mesh network, make sure all the nodes in your swarm run the same docker engine ' +
  'version. Otherwise, removal may not be effective and functionality of newly create ingress networks will be impaired.\n' +
  'Are you sure you want to continue?';

export const command = defineCommand({
  usage: 'NETWORK [NETWORK...]',
  summary: 'Remove networks',
  arguments: atLeast(1),
  flags: {
    force: { type: 'bool', short: 'f', summary: 'A network that is not there is no error' },
  },
  async run(cli, flags, names) {
    const client = await cli.client();
    let failed = false;
    for (const name of names) {
      if ((await isIngress(name)) && !(await confirm(cli, ingressQuestion))) continue;
      try {
        await remove(client, name);
        cli.out.line(name);
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        if (flags.force && isStatus(error, 404)) continue;
        cli.err.line(error.message);
        failed = true;
      }
    }
    if (failed) throw new ExitError(1, 'exit status 1');

    async function isIngress(name: string): Promise<boolean> {
      try {
        return (await inspect(client, name)).Ingress ?? false;
      } catch (error) {
        // The removal tells what is wrong.
        if (error instanceof Error) return false;
        throw error;
      }
    }
  },
});
