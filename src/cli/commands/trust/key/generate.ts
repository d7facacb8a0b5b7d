import { createPublicKey } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { messageOf } from '../../../../lib/errors.ts';
import { generateSigningKey } from '../../../../signatures/private-keys.ts';
import { defineCommand, exactly } from '../../../framework/command.ts';
import { ExitError } from '../../../framework/errors.ts';
import { checkKeyName, newPassphrase, storeKey } from '../../../trust/key-store.ts';

export const command = defineCommand({
  usage: '[OPTIONS] NAME',
  summary: 'Make a key pair for signing images',
  details:
    'The private key is kept, encrypted, with the settings of this client; the public key is written to NAME.pub, for the trust policies of those who are to believe it.',
  arguments: exactly(1),
  flags: {
    dir: { type: 'string', summary: 'Directory for the public key; the current one without it' },
  },
  async run(cli, flags, [name = '']) {
    checkKeyName(name);
    const path = resolve(flags.dir || '.', `${name}.pub`);
    if (existsSync(path)) throw new ExitError(1, `public key file already exists: "${path}"`);
    cli.out.line(`Generating key for ${name}...`);
    await cli.out.flush();
    const passphrase = await newPassphrase(cli, name);
    const key = generateSigningKey();
    await storeKey(cli, name, key, passphrase);
    try {
      writeFileSync(path, createPublicKey(key).export({ type: 'spki', format: 'pem' }), { flag: 'wx' });
    } catch (error) {
      throw new ExitError(1, `the public key could not be written: ${messageOf(error)}`);
    }
    cli.out.line(`Successfully generated and loaded private key. Corresponding public key available: ${path}`);
  },
});
