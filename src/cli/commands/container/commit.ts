import { commit } from '../../../client/containers.ts';
import { between, defineCommand } from '../../framework/command.ts';
import { ExitError } from '../../framework/errors.ts';
import { isGiven } from '../../framework/flags.ts';

export const command = defineCommand({
  usage: '[OPTIONS] CONTAINER [REPOSITORY[:TAG]]',
  summary: "Make an image of a container's files and settings",
  arguments: between(1, 2),
  flagsFirst: true,
  flags: {
    author: { type: 'string', short: 'a', summary: 'Who made it' },
    change: { type: 'list', short: 'c', summary: 'Instruction of a Dockerfile to apply' },
    message: { type: 'string', short: 'm', summary: 'What it is for' },
    'no-pause': { type: 'bool', summary: "Don't freeze the container meanwhile" },
    pause: {
      type: 'bool',
      short: 'p',
      default: true,
      hidden: true,
      summary: 'Freeze the container meanwhile',
      deprecated: 'and enabled by default. Use --no-pause to disable pausing during commit.',
    },
  },
  async run(cli, flags, [container = '', reference = '']) {
    if (isGiven(flags, 'pause') && isGiven(flags, 'no-pause')) {
      throw new ExitError(1, 'conflicting options: --no-pause and --pause cannot be used together');
    }
    const name = reference === '' ? {} : await splitReference(reference);
    const { Id } = await commit(await cli.client(), container, {
      ...name,
      author: flags.author,
      comment: flags.message,
      changes: flags.change,
      pause: !flags['no-pause'] && flags.pause,
    });
    cli.out.line(Id);
  },
});

async function splitReference(text: string): Promise<{ repo: string; tag?: string }> {
  const { familiarRepository, parseReference, withDefaultTag } = await import('../../../lib/reference.ts');
  const reference = parseReference(text);
  if (reference.digest !== undefined) {
    throw new ExitError(1, 'refusing to create a tag with a digest reference');
  }
  return { repo: familiarRepository(reference), tag: withDefaultTag(reference).tag };
}
