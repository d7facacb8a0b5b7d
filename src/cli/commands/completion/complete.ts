// What the scripts of shells ask; also those that come with Docker's own packages, which is why it answers in their form:
// a candidate per line, and at last what the shell may do besides.
import { anyArguments, defineCommand } from '../../framework/command.ts';
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
    const { list, files } = await candidatesFor(cli, words);
    const explains = !cli.path.endsWith('NoDesc');
    for (const { text, about } of list) cli.out.line(explains && about !== undefined ? `${text}\t${about}` : text);
    cli.out.line(`:${files ? FILES_TOO : NO_FILES}`);
  },
});
