import { open } from 'node:fs/promises';
import { errnoOf } from '../../../lib/errors.ts';
import { writeTar } from '../../../lib/tar/writer.ts';
import { quote } from '../../format/template/quote.ts';
import { between, defineCommand } from '../../framework/command.ts';
import { ContextStore, checkContextName } from '../../framework/context-store.ts';
import { DEFAULT_CONTEXT } from '../../framework/endpoint.ts';
import { ExitError } from '../../framework/errors.ts';
import { copyToStdout } from '../../stdio/save-archive.ts';
import { isTerminal } from '../../stdio/terminal.ts';
import { contextArchive } from './archive.ts';
import { defaultContext } from './default-context.ts';

export const command = defineCommand({
  usage: 'CONTEXT [FILE|-]',
  summary: 'Write a context to an archive',
  arguments: between(1, 2),
  flags: {},
  async run(cli, _flags, [name = '', file = `${name}.dockercontext`]) {
    if (name !== DEFAULT_CONTEXT) checkContextName(name);
    const store = new ContextStore(cli.configDirectory);
    const { metadata, tls } =
      name === DEFAULT_CONTEXT
        ? await defaultContext(cli)
        : { metadata: await store.need(name), tls: await store.readTls(name) };
    const archive = writeTar(contextArchive(metadata, tls));
    if (file === '-') {
      if (isTerminal(1)) throw new ExitError(1, 'cowardly refusing to export to a terminal, specify a file path');
      await copyToStdout(archive);
      return;
    }
    await using target = await open(file, 'wx', 0o600).catch(error => {
      if (errnoOf(error) === 'EEXIST') {
        throw new ExitError(1, `open ${file}: file exists`);
      }
      throw error;
    });
    await target.writeFile(archive);
    cli.err.line(`Written file ${quote(file)}`);
  },
});
