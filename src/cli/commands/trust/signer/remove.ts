import { atLeast, defineCommand } from '../../../framework/command.ts';
import { ExitError } from '../../../framework/errors.ts';

export const command = defineCommand({
  usage: '[OPTIONS] NAME REPOSITORY [REPOSITORY...]',
  summary: 'Not served: signers are named in the trust policy',
  arguments: atLeast(2),
  flags: {
    force: { type: 'bool', short: 'f', summary: 'Do not ask' },
  },
  async run(_cli, _flags, [name = '', ...repositories]) {
    throw new ExitError(
      1,
      `signers are not kept in a Notary server here: to believe ${name} no more, take the public key out of the rule for ${repositories.join(', ')} in the engine's trust policy (/etc/docker/trust-policy.json, or --trust-policy of dockerd); it counts at once`,
    );
  },
});
