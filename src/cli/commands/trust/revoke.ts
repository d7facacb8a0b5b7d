import { revoke } from '../../../client/trust.ts';
import { canonicalName, isNameOnly, parseReference } from '../../../lib/reference.ts';
import { defineCommand, exactly } from '../../framework/command.ts';
import { registryAuth } from '../../framework/credentials.ts';
import { ExitError } from '../../framework/errors.ts';
import { confirmOrCancel } from '../../prompt.ts';
import { checkCanSign } from '../../trust/sign.ts';

export const command = defineCommand({
  usage: '[OPTIONS] IMAGE:TAG',
  summary: 'Remove the signatures of an image from its registry',
  arguments: exactly(1),
  flags: {
    yes: { type: 'bool', short: 'y', summary: 'Do not ask' },
  },
  async run(cli, flags, [name = '']) {
    const reference = parseReference(name);
    if (isNameOnly(reference))
      throw new ExitError(1, `no tag or digest specified for ${name}: signatures are of one image`);
    const client = await cli.client();
    await checkCanSign(cli, client);
    if (!flags.yes) await confirmOrCancel(cli, `Confirm you would like to delete all signatures of ${name}?`);
    const auth = await registryAuth(cli, reference.domain);
    const { digest, removed } = await revoke(client, canonicalName(reference), auth);
    if (removed.length === 0) throw new ExitError(1, `there are no signatures of ${name} (${digest})`);
    cli.out.line(`Successfully deleted signature for ${name}`);
  },
});
