import { defineCommand, exactly } from '../../framework/command.ts';
import { ExitError } from '../../framework/errors.ts';
import { isGiven } from '../../framework/flags.ts';
import { isTerminal } from '../../stdio/terminal.ts';
import { copyFromContainer, copyToContainer } from './copy.ts';

export const command = defineCommand({
  usage: '[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n\tdocker cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH',
  summary: 'Copy files between a container and this machine',
  details:
    'Copy files between a container and this machine.\n\n' +
    'With - as the source, a tar archive on stdin is unpacked in the container; with - as the\n' +
    'destination, a tar archive goes to stdout.',
  arguments: exactly(2),
  flags: {
    archive: { type: 'bool', short: 'a', summary: 'Keep user and group of the files' },
    'follow-link': { type: 'bool', short: 'L', summary: 'Copy what a link in the source points at' },
    quiet: { type: 'bool', short: 'q', summary: 'Say nothing about the progress (as without a terminal)' },
  },
  async run(cli, flags, [source = '', destination = '']) {
    if (source === '') throw new ExitError(1, 'source can not be empty');
    if (destination === '') throw new ExitError(1, 'destination can not be empty');
    const from = splitArgument(source);
    const to = splitArgument(destination);
    const options = {
      followLink: flags['follow-link'],
      keepOwner: flags.archive,
      quiet: isGiven(flags, 'quiet') ? flags.quiet : !isTerminal(1),
    };
    if (from.container !== '' && to.container !== '') {
      throw new ExitError(1, 'copying between containers is not supported');
    }
    if (from.container !== '') return copyFromContainer(cli, from.container, from.path, to.path, options);
    if (to.container !== '') return copyToContainer(cli, from.path, to.container, to.path, options);
    throw new ExitError(1, 'must specify at least one container source');
  },
});

/** `container:path`; a local path with a colon must begin with `/` or `.`. */
function splitArgument(argument: string): { container: string; path: string } {
  const colon = argument.indexOf(':');
  if (colon < 0 || argument.startsWith('/') || argument.startsWith('.')) return { container: '', path: argument };
  return { container: argument.slice(0, colon), path: argument.slice(colon + 1) };
}
