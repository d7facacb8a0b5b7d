import { atMost, defineCommand } from '../framework/command.ts';
import { eraseCredentials, serverHost } from '../framework/credential-store.ts';
import { DOCKER_HUB_KEY } from '../framework/credentials.ts';

export const command = defineCommand({
  usage: '[SERVER]',
  summary: 'Forget the credentials of a registry',
  details: 'Forgets what `login` stored. Without a server, it is Docker Hub.',
  arguments: atMost(1),
  flags: {},
  async run(cli, _flags, [server = '']) {
    const host = server === '' ? DOCKER_HUB_KEY : serverHost(server);
    // Earlier clients stored under other forms of the name.
    const names = server === '' ? [host] : [...new Set([server, host, `http://${host}`, `https://${host}`])];
    cli.out.line(`Removing login credentials for ${host}`);
    const failures = await eraseCredentials(cli, names);
    if (failures.size < names.length) return;
    cli.err.line('WARNING: could not erase credentials:');
    for (const [name, why] of failures) cli.err.line(`${name}: ${why}`);
  },
});
