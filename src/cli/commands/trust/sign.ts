import { isStatus } from '../../../client/errors.ts';
import { distribution } from '../../../client/images.ts';
import type { Subject } from '../../../client/trust.ts';
import { canonicalName, isNameOnly, parseReference } from '../../../lib/reference.ts';
import type { Cli } from '../../framework/cli.ts';
import { defineCommand, exactly } from '../../framework/command.ts';
import { registryAuth } from '../../framework/credentials.ts';
import { ExitError } from '../../framework/errors.ts';
import { pushImage } from '../../framework/push.ts';
import { openKey } from '../../trust/key-store.ts';
import { checkCanSign, signImage } from '../../trust/sign.ts';

export const command = defineCommand({
  usage: '[OPTIONS] IMAGE:TAG',
  summary: 'Sign an image in its registry; it is pushed first if it is not there',
  arguments: exactly(1),
  flags: {
    key: { type: 'string', summary: 'Key to sign with: a name of "docker trust key", or a file' },
    local: { type: 'bool', summary: 'Push the image that is here, and sign that' },
  },
  async run(cli, flags, [name = '']) {
    const reference = parseReference(name);
    if (isNameOnly(reference)) throw new ExitError(1, `no tag or digest specified for ${name}`);
    const client = await cli.client();
    await checkCanSign(cli, client);
    const key = await openKey(cli, flags.key);
    const target = canonicalName(reference);
    let subject = flags.local ? undefined : await inRegistry(cli, target, reference.domain);
    if (!subject) {
      await pushImage(cli, client, reference, {});
      subject = await inRegistry(cli, target, reference.domain);
    }
    if (!subject) throw new ExitError(1, `${name} was pushed, and yet is not in its registry`);
    await signImage(cli, client, reference, subject, key);
    cli.out.line(`Successfully signed ${target} (${subject.digest})`);
  },
});

async function inRegistry(cli: Cli, target: string, domain: string): Promise<Subject | undefined> {
  try {
    return (await distribution(await cli.client(), target, await registryAuth(cli, domain))).Descriptor;
  } catch (error) {
    if (isStatus(error, 404)) return undefined;
    throw error;
  }
}
