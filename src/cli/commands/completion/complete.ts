// What the scripts of shells ask; also those that come with Docker's own packages, which is why it answers in their form:
// a candidate per line, and at last what the shell may do besides.
import type { Cli } from '../../framework/cli.ts';
import { anyArguments, defineCommand } from '../../framework/command.ts';
import { describePlugin } from '../../plugins/describe.ts';
import { findPlugin } from '../../plugins/find.ts';
import { root } from '../../tree.ts';
import { candidatesFor } from './candidates.ts';

const FILES_TOO = 0;
const NO_FILES = 4;

export const command = defineCommand({
  usage: '[WORD...]',
  summary: 'List what may come next on a command line',
  arguments: anyArguments,
  hidden: true,
  raw: true,
  flags: {},
  async run(cli, _flags, words) {
    const called = cli.path.split(' ').at(-1)!;
    const answer = words.length > 1 ? await pluginAnswer(cli, called, words) : undefined;
    if (answer !== undefined) {
      cli.out.write(answer);
      return 0;
    }
    const { list, files } = await candidatesFor(cli, words);
    const explains = !cli.path.endsWith('NoDesc');
    for (const { text, about } of list) cli.out.line(explains && about !== undefined ? `${text}\t${about}` : text);
    cli.out.line(`:${files ? FILES_TOO : NO_FILES}`);
    return 0;
  },
});

/** Plugins complete their own command lines. */
async function pluginAnswer(cli: Cli, called: string, words: readonly string[]): Promise<string | undefined> {
  if (Object.hasOwn(root.commands, words[0]!)) return undefined;
  const plugin = findPlugin(cli, words[0]!);
  if (plugin === undefined || (await describePlugin(plugin)).Err !== undefined) return undefined;
  return Bun.spawn([plugin.path, called, ...words], { stdin: 'ignore', stderr: 'ignore' }).stdout.text();
}
