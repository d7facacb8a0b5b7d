import { existsSync } from 'node:fs';
import { quote } from '../../format/template/quote.ts';
import type { Cli } from '../../framework/cli.ts';
import { atLeast, defineCommand } from '../../framework/command.ts';
import { changeConfigFile } from '../../framework/config-file.ts';
import { ContextStore } from '../../framework/context-store.ts';
import { contextName, DEFAULT_CONTEXT } from '../../framework/endpoint.ts';
import { ExitError, joinErrors } from '../../framework/errors.ts';

export const command = defineCommand({
  usage: 'CONTEXT [CONTEXT...]',
  summary: 'Remove contexts',
  arguments: atLeast(1),
  flags: {
    force: { type: 'bool', short: 'f', summary: 'Remove the current one, too' },
  },
  async run(cli, flags, names) {
    const errors: string[] = [];
    for (const name of names) {
      try {
        await remove(cli, name, flags.force);
        cli.out.line(name);
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        errors.push(error.message);
      }
    }
    const failure = joinErrors(errors);
    if (failure) throw failure;
  },
});

async function remove(cli: Cli, name: string, force: boolean): Promise<void> {
  if (name === DEFAULT_CONTEXT) throw new ExitError(1, 'context "default" cannot be removed');
  const store = new ContextStore(cli.configDirectory);
  if (name === contextName(cli.globals, cli.config())) {
    if (!force) throw new ExitError(1, `context ${quote(name)} is in use, set -f flag to force remove`);
    await changeConfigFile(cli.configDirectory, { currentContext: undefined });
  }
  if (!force && !existsSync(store.metadataPath(name))) throw new ExitError(1, `context ${quote(name)} does not exist`);
  await store.remove(name);
}
