import { inspect } from '../../../client/containers.ts';
import { compareNatural } from '../../format/natural-order.ts';
import { between, defineCommand } from '../../framework/command.ts';
import { ExitError } from '../../framework/errors.ts';

export const command = defineCommand({
  usage: 'CONTAINER [PRIVATE_PORT[/PROTO]]',
  summary: "Show a container's published ports",
  arguments: between(1, 2),
  flags: {},
  async run(cli, _flags, [container = '', port]) {
    const published = (await inspect(await cli.client(), container)).NetworkSettings?.Ports ?? {};
    const lines: string[] = [];
    if (port === undefined) {
      for (const [inside, bindings] of Object.entries(published)) {
        for (const binding of bindings ?? []) lines.push(`${inside} -> ${joinHostPort(binding)}`);
      }
    } else {
      const bindings = published[fullPort(port)] ?? [];
      if (bindings.length === 0) throw new ExitError(1, `no public port '${port}' published for ${container}`);
      lines.push(...bindings.map(joinHostPort));
    }
    for (const line of lines.sort(compareNatural)) cli.out.line(line);
  },
});

function fullPort(text: string): string {
  const match = /^(\d+)(?:\/(.+))?$/.exec(text);
  if (!match || Number(match[1]) > 65535) throw new ExitError(1, `invalid port '${text}': invalid syntax`);
  return `${Number(match[1])}/${(match[2] ?? 'tcp').toLowerCase()}`;
}

function joinHostPort({ HostIp = '', HostPort = '' }: { HostIp?: string; HostPort?: string }): string {
  return HostIp.includes(':') ? `[${HostIp}]:${HostPort}` : `${HostIp}:${HostPort}`;
}
