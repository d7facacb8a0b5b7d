import { quote } from '../../format/template/quote.ts';
import { defineCommand, exactly } from '../../framework/command.ts';
import { changeConfigFile } from '../../framework/config-file.ts';
import { ContextStore, checkContextName } from '../../framework/context-store.ts';
import { DEFAULT_CONTEXT } from '../../framework/endpoint.ts';

export const command = defineCommand({
  usage: 'CONTEXT',
  summary: 'Choose the current context',
  arguments: exactly(1),
  flags: {},
  async run(cli, _flags, [name = '']) {
    if (name !== DEFAULT_CONTEXT) {
      checkContextName(name);
      await new ContextStore(cli.configDirectory).need(name);
    }
    const currentContext = name === DEFAULT_CONTEXT ? undefined : name;
    // A file that would say nothing new is not written: there may be none yet.
    if ((cli.config().currentContext || undefined) !== currentContext) {
      await changeConfigFile(cli.configDirectory, { currentContext });
    }
    cli.out.line(name);
    cli.err.line(`Current context is now ${quote(name)}`);
    if (currentContext !== undefined && process.env.DOCKER_HOST) {
      cli.err.line(
        `Warning: DOCKER_HOST environment variable overrides the active context. To use ${quote(name)}, either set the global --context flag, or unset DOCKER_HOST environment variable.`,
      );
    }
  },
});
