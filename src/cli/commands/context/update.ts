import { quote } from '../../format/template/quote.ts';
import { defineCommand, exactly } from '../../framework/command.ts';
import { ContextStore, checkContextName, DOCKER_ENDPOINT } from '../../framework/context-store.ts';
import { isGiven } from '../../framework/flags.ts';
import { endpointHelp, endpointSettings } from './endpoint-settings.ts';

export const command = defineCommand({
  usage: '[OPTIONS] CONTEXT',
  summary: 'Change a context',
  details: `Change a context.\n\n${endpointHelp}`,
  arguments: exactly(1),
  flags: {
    description: { type: 'string', summary: 'What it is for' },
    docker: { type: 'stringToString', summary: 'Where the engine is' },
  },
  async run(cli, flags, [name = '']) {
    checkContextName(name);
    const store = new ContextStore(cli.configDirectory);
    const metadata = await store.need(name);
    if (flags.description !== '') metadata.Metadata.Description = flags.description;
    const settings = isGiven(flags, 'docker') ? await endpointSettings(store, flags.docker) : undefined;
    if (settings) metadata.Endpoints[DOCKER_ENDPOINT] = settings.endpoint;
    await store.write(metadata, settings && (settings.tls ?? {}));
    cli.out.line(name);
    cli.err.line(`Successfully updated context ${quote(name)}`);
  },
});
