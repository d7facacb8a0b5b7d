import { quote } from '../../format/template/quote.ts';
import type { Cli } from '../../framework/cli.ts';
import { defineCommand, exactly } from '../../framework/command.ts';
import {
  type ContextMetadata,
  ContextStore,
  checkContextName,
  DOCKER_ENDPOINT,
} from '../../framework/context-store.ts';
import { contextName, DEFAULT_CONTEXT } from '../../framework/endpoint.ts';
import { ExitError } from '../../framework/errors.ts';
import { isGiven } from '../../framework/flags.ts';
import { defaultContext } from './default-context.ts';
import { endpointHelp, endpointSettings } from './endpoint-settings.ts';

export const command = defineCommand({
  usage: '[OPTIONS] CONTEXT',
  summary: 'Make a context',
  details: `Make a context. Without --docker and --from it is a copy of the current one.\n\n${endpointHelp}`,
  arguments: exactly(1),
  flags: {
    description: { type: 'string', summary: 'What it is for' },
    docker: { type: 'stringToString', summary: 'Where the engine is' },
    from: { type: 'string', summary: 'Context to copy' },
  },
  async run(cli, flags, [name = '']) {
    const store = new ContextStore(cli.configDirectory);
    await checkNewContext(store, name);
    if (isGiven(flags, 'docker') && flags.from === '') {
      const { endpoint, tls } = await endpointSettings(store, flags.docker);
      const Metadata = flags.description === '' ? {} : { Description: flags.description };
      await store.write({ Name: name, Metadata, Endpoints: { [DOCKER_ENDPOINT]: endpoint } }, tls ?? {});
    } else {
      if (isGiven(flags, 'docker')) throw new ExitError(1, 'cannot use --docker flag when --from is set');
      const source = flags.from || contextName(cli.globals, cli.config());
      const { metadata, tls } = await readContext(cli, store, source);
      const Metadata = { ...metadata.Metadata, ...(flags.description !== '' && { Description: flags.description }) };
      await store.write({ ...metadata, Name: name, Metadata }, tls);
    }
    cli.out.line(name);
    cli.err.line(`Successfully created context ${quote(name)}`);
  },
});

export async function checkNewContext(store: ContextStore, name: string): Promise<void> {
  checkContextName(name);
  if (name === DEFAULT_CONTEXT) throw new ExitError(1, '"default" is a reserved context name');
  if (await store.read(name)) throw new ExitError(1, `context ${quote(name)} already exists`);
}

async function readContext(cli: Cli, store: ContextStore, name: string) {
  if (name !== DEFAULT_CONTEXT) return { metadata: await store.need(name), tls: await store.readTls(name) };
  const { metadata, tls } = await defaultContext(cli);
  const described: ContextMetadata = { ...metadata, Metadata: { Description: DEFAULT_DESCRIPTION } };
  return { metadata: described, tls };
}

export const DEFAULT_DESCRIPTION = 'Current DOCKER_HOST based configuration';
