import { atLeast, defineCommand } from '../../../framework/command.ts';
import { ExitError } from '../../../framework/errors.ts';

export const command = defineCommand({
  usage: '[OPTIONS] NAME REPOSITORY [REPOSITORY...]',
  summary: 'Not served: signers are named in the trust policy',
  arguments: atLeast(2),
  flags: {
    key: { type: 'list', summary: 'Public key of the signer' },
  },
  async run(_cli, _flags, [name = '', ...repositories]) {
    throw new ExitError(
      1,
      `signers are not kept in a Notary server here: to believe ${name}, add the public key to "keys" of a rule for ${repositories.join(', ')} in the engine's trust policy (/etc/docker/trust-policy.json, or --trust-policy of dockerd)`,
    );
  },
});
