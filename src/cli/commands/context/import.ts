import { quote } from '../../format/template/quote.ts';
import { defineCommand, exactly } from '../../framework/command.ts';
import { ContextStore } from '../../framework/context-store.ts';
import { ExitError } from '../../framework/errors.ts';
import { readContextArchive } from './archive.ts';
import { checkNewContext } from './create.ts';

export const command = defineCommand({
  usage: 'CONTEXT FILE|-',
  summary: 'Read a context from an archive',
  arguments: exactly(2),
  flags: {},
  async run(cli, _flags, [name = '', path = '']) {
    const store = new ContextStore(cli.configDirectory);
    await checkNewContext(store, name);
    const file = path === '-' ? Bun.stdin : Bun.file(path);
    if (path !== '-' && !(await file.exists())) throw new ExitError(1, `open ${path}: no such file or directory`);
    const { metadata, tls } = await readContextArchive(file.stream());
    await store.write({ ...metadata, Name: name }, tls);
    cli.out.line(name);
    cli.err.line(`Successfully imported context ${quote(name)}`);
  },
});
