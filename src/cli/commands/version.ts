import type { SystemVersion } from '../../wire/types.ts';
import { type ClientVersion, clientVersion, dateText } from '../client-version.ts';
import { alignTabs, type TabLayout } from '../format/tab-writer.ts';
import type { Cli } from '../framework/cli.ts';
import { defineCommand, noArguments } from '../framework/command.ts';
import { contextName } from '../framework/endpoint.ts';
import { inspectFormatFlag } from '../options/format.ts';

const layout: TabLayout = { minWidth: 20, padding: 1 };

export const command = defineCommand({
  usage: '[OPTIONS]',
  summary: 'Show the versions of client and engine',
  arguments: noArguments,
  flags: { format: inspectFormatFlag },
  async run(cli, { format }) {
    const print = format === '' ? versionText : await templatePrinter(format);
    const { server, error } = await askServer(cli);
    const api = await apiVersion(cli);
    const client = clientVersion(contextName(cli.globals, await cli.config()), api);
    const { text, problem } = print(client, server);
    cli.out.write(alignTabs(`${text}\n`, layout));
    if (error ?? problem) throw error ?? problem;
  },
});

/** The version settled with the engine; without one, our own. */
async function apiVersion(cli: Cli): Promise<string> {
  try {
    return (await cli.client()).version;
  } catch (error) {
    if (error instanceof Error) return '';
    throw error;
  }
}

async function askServer(cli: Cli): Promise<{ server?: SystemVersion; error?: Error }> {
  try {
    const client = await cli.client();
    const server = await (await client.request('GET', '/version')).json<SystemVersion>();
    return { server: withEngine(server) };
  } catch (error) {
    // What is known of the client is shown all the same.
    if (error instanceof Error) return { error };
    throw error;
  }
}

/** The engine is one of the components; old ones don't list it. */
function withEngine(server: SystemVersion): SystemVersion {
  const components = [...(server.Components ?? [])];
  const engine = components.findIndex(component => component.Name === 'Engine');
  const { BuildTime: built, Experimental: experimental = false } = server;
  if (engine < 0) {
    const { ApiVersion, MinAPIVersion, GitCommit, GoVersion, Os, Arch } = server;
    const about = { ApiVersion, MinAPIVersion, GitCommit, GoVersion, Os, Arch };
    components.push({
      Name: 'Engine',
      Version: server.Version ?? '',
      Details: { ...about, BuildTime: dateText(built ?? ''), Experimental: String(experimental) },
    });
  } else {
    const component = components[engine]!;
    const time = component.Details?.['BuildTime'];
    if (typeof time === 'string') {
      components[engine] = { ...component, Details: { ...component.Details, BuildTime: dateText(time) } };
    }
  }
  return { ...server, Components: components };
}

interface Printed {
  text: string;
  /** The template failed after it had printed the text. */
  problem?: Error;
}

type Print = (client: ClientVersion, server: SystemVersion | undefined) => Printed;

function versionText(client: ClientVersion, server: SystemVersion | undefined): Printed {
  const api = client.ApiVersion;
  const lowered = api === client.DefaultAPIVersion ? '' : ` (downgraded from ${client.DefaultAPIVersion})`;
  const lines = [
    'Client:',
    ` Version:\t${client.Version}`,
    ` API version:\t${api}${lowered}`,
    ` Go version:\t${client.GoVersion}`,
    ` Git commit:\t${client.GitCommit}`,
    ` Built:\t${client.BuildTime}`,
    ` OS/Arch:\t${client.Os}/${client.Arch}`,
    ` Context:\t${client.Context}`,
  ];
  if (server)
    lines.push('', `Server:${server.Platform?.Name ? ` ${server.Platform.Name}` : ''}`, ...componentLines(server));
  return { text: lines.join('\n') };
}

function componentLines({ Components: components = [] }: SystemVersion): string[] {
  return components.flatMap(({ Name, Version, Details }) => {
    const detail = (name: string) => String(Details?.[name] ?? '');
    if (Name !== 'Engine') {
      const details = Object.keys(Details ?? {}).sort();
      return [` ${Name}:`, `  Version:\t${Version}`, ...details.map(name => `  ${name}:\t${detail(name)}`)];
    }
    return [
      ' Engine:',
      `  Version:\t${Version}`,
      `  API version:\t${detail('ApiVersion')} (minimum version ${detail('MinAPIVersion')})`,
      `  Go version:\t${detail('GoVersion')}`,
      `  Git commit:\t${detail('GitCommit')}`,
      `  Built:\t${detail('BuildTime')}`,
      `  OS/Arch:\t${detail('Os')}/${detail('Arch')}`,
      `  Experimental:\t${detail('Experimental')}`,
    ];
  });
}

async function templatePrinter(format: string): Promise<Print> {
  const [{ OneTemplate }, { parseJson }, { decode }, { versionInfo }] = await Promise.all([
    import('../format/one-template.ts'),
    import('../format/template/json.ts'),
    import('../format/shapes/shape.ts'),
    import('../format/shapes/version.ts'),
  ]);
  const template = new OneTemplate(format, 'version');
  return (client, server) => {
    const json = JSON.stringify({ Client: client, Server: server ?? null });
    return template.print(decode(versionInfo, parseJson(json)));
  };
}
