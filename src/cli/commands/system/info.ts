import { ConnectionError } from '../../../client/errors.ts';
import type { SystemInfo } from '../../../wire/types.ts';
import { clientVersion } from '../../client-version.ts';
import type { Cli } from '../../framework/cli.ts';
import { defineCommand, noArguments } from '../../framework/command.ts';
import { DOCKER_HUB_KEY } from '../../framework/credentials.ts';
import { contextName } from '../../framework/endpoint.ts';
import { ExitError } from '../../framework/errors.ts';
import { inspectFormatFlag } from '../../options/format.ts';
import type { Plugin } from '../../plugins/describe.ts';

export const command = defineCommand({
  usage: '[OPTIONS]',
  summary: 'Show how the engine is set up',
  arguments: noArguments,
  flags: { format: inspectFormatFlag },
  async run(cli, { format }) {
    if (format === '') await printText(cli);
    else await printFormatted(cli, format);
  },
});

interface Answer {
  /** JSON. */
  info?: string;
  /** There is an engine, and it complains. */
  complaint?: string;
  /** There is no engine. */
  failure?: Error;
}

async function askServer(cli: Cli): Promise<Answer> {
  try {
    const client = await cli.client();
    return { info: await (await client.request('GET', '/info')).text() };
  } catch (error) {
    if (error instanceof ConnectionError) return { failure: error };
    if (error instanceof Error) return { complaint: error.message };
    throw error;
  }
}

async function printText(cli: Cli): Promise<void> {
  const { clientLines, serverLines } = await import('../../format/info-text.ts');
  const { info, complaint, failure } = await askServer(cli);
  const config = await cli.config();
  const { debug } = cli.globals;
  const plugins = await pluginsOf(cli);
  const lines = [...clientLines(clientVersion(contextName(cli.globals, config)), debug, plugins), '', 'Server:'];
  if (info !== undefined) {
    const server: SystemInfo = JSON.parse(info);
    const userName = config.auths?.[DOCKER_HUB_KEY]?.username ?? userOf(config.auths?.[DOCKER_HUB_KEY]?.auth);
    lines.push(...serverLines(server, { debug, userName }));
    for (const warning of server.Warnings ?? []) cli.err.line(warning);
  }
  for (const { Path, Err } of plugins) {
    if (Err !== undefined) cli.err.line(`WARNING: Plugin ${JSON.stringify(Path)} is not valid: ${Err}`);
  }
  cli.out.line(lines.join('\n'));
  if (failure) throw failure;
  if (complaint === undefined) return;
  cli.err.line(`ERROR: ${complaint}`);
  throw new ExitError(1, 'errors pretty printing info');
}

async function pluginsOf(cli: Cli): Promise<Plugin[]> {
  return (await import('../../plugins/describe.ts')).describePlugins(cli);
}

/** The name before the colon of stored credentials. */
function userOf(auth: string | undefined): string {
  return auth === undefined ? '' : (Buffer.from(auth, 'base64').toString().split(':')[0] ?? '');
}

async function printFormatted(cli: Cli, format: string): Promise<void> {
  const [{ OneTemplate }, { parseJson }, { decode }, { dockerInfo, sparseInfo }] = await Promise.all([
    import('../../format/one-template.ts'),
    import('../../format/template/json.ts'),
    import('../../format/shapes/shape.ts'),
    import('../../format/shapes/info.ts'),
  ]);
  const client = clientVersion(contextName(cli.globals, await cli.config()));
  const own = { ClientInfo: { Debug: cli.globals.debug, ...client, Plugins: await pluginsOf(cli), Warnings: null } };
  const template = new OneTemplate(format);
  // What only the client knows needs no engine.
  const isSparse = /\.[a-zA-Z]/.test(format) && format !== '{{json .}}';
  const sparse = isSparse ? template.print(decode(sparseInfo, parseJson(JSON.stringify(own)))) : undefined;
  if (sparse && !sparse.problem) {
    cli.out.line(sparse.text);
    return;
  }
  const { info = '{}', complaint, failure } = await askServer(cli);
  if (complaint !== undefined) cli.err.line(complaint);
  const extra = JSON.stringify({ ...own, ...(complaint !== undefined && { ServerErrors: [complaint] }) });
  // Joined as text: a number of the engine's answer must not lose digits on the way.
  const joined = `${info.trim().slice(0, -1)}${info.trim() === '{}' ? '' : ','}${extra.slice(1)}`;
  const { text, problem } = template.print(decode(dockerInfo, parseJson(joined)));
  cli.out.line(text);
  if (failure ?? problem) throw new ExitError(1, [failure, problem].flatMap(error => error?.message ?? []).join('\n'));
}
