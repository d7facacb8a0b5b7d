import { connect } from '../../../client/networks.ts';
import { defineCommand, exactly } from '../../framework/command.ts';
import { ExitError } from '../../framework/errors.ts';

export const command = defineCommand({
  usage: '[OPTIONS] NETWORK CONTAINER',
  summary: 'Put a container on a network',
  arguments: exactly(2),
  flags: {
    alias: { type: 'stringSlice', summary: 'Another name of the container on this network' },
    'driver-opt': { type: 'stringSlice', summary: "Option for the network's driver, as name=value" },
    'gw-priority': { type: 'int', summary: 'The network with the highest gives the default route' },
    ip: { type: 'ip', summary: 'IPv4 address of the container' },
    ip6: { type: 'ip', summary: 'IPv6 address of the container' },
    link: { type: 'list', parse: validateLink, summary: 'Container to know by a name, as container:name' },
    'link-local-ip': { type: 'ipSlice', summary: 'Link-local address of the container' },
  },
  async run(cli, flags, [network, container]) {
    const client = await cli.client();
    await connect(client, network!, container!, {
      IPAMConfig: {
        ...(flags.ip !== '' && { IPv4Address: flags.ip }),
        ...(flags.ip6 !== '' && { IPv6Address: flags.ip6 }),
        ...(flags['link-local-ip'].length > 0 && { LinkLocalIPs: flags['link-local-ip'] }),
      },
      Links: flags.link,
      Aliases: flags.alias,
      DriverOpts: driverOptions(flags['driver-opt']),
      GwPriority: flags['gw-priority'],
    });
  },
});

function driverOptions(texts: readonly string[]): Record<string, string> {
  const options: Record<string, string> = {};
  for (const text of texts) {
    const equals = text.indexOf('=');
    const name = text.slice(0, Math.max(0, equals)).trim();
    if (name === '') throw new ExitError(1, 'invalid key/value pair format in driver options');
    options[name] = text.slice(equals + 1).trim();
  }
  return options;
}

function validateLink(text: string): string {
  if (text === '') throw new Error('empty string specified for links');
  if (text.split(':').length > 2) throw new Error(`bad format for links: ${text}`);
  return text;
}
