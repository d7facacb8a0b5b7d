import { tag } from '../../../client/images.ts';
import { DockyardError } from '../../../lib/errors.ts';
import { familiarRepository, parseReference, withDefaultTag } from '../../../lib/reference.ts';
import { defineCommand, exactly } from '../../framework/command.ts';
import { ExitError } from '../../framework/errors.ts';

export const command = defineCommand({
  usage: 'SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]',
  summary: 'Give an image one more name',
  arguments: exactly(2),
  flagsFirst: true,
  flags: {},
  async run(cli, _flags, [source, target]) {
    checkSource(source!);
    const reference = withDefaultTag(parsed(target!));
    if (reference.digest !== undefined) throw new ExitError(1, 'refusing to create a tag with a digest reference');
    await tag(await cli.client(), source!, familiarRepository(reference), reference.tag!);
  },
});

function parsed(text: string) {
  try {
    return parseReference(text);
  } catch (error) {
    if (error instanceof DockyardError)
      throw new ExitError(
        1,
        `Error parsing reference: ${JSON.stringify(text)} is not a valid repository/tag: ${error.message}`,
      );
    throw error;
  }
}

/** An id is as good as a name. */
function checkSource(text: string): void {
  if (!/^(sha256:)?[0-9a-f]{64}$/.test(text)) parsed(text);
}
