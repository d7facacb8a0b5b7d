import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { messageOf } from '../../../../lib/errors.ts';
import { readCertificates } from '../../../../signatures/certificates.ts';
import { keyId } from '../../../../signatures/keys.ts';
import { defineCommand, exactly } from '../../../framework/command.ts';
import { ExitError } from '../../../framework/errors.ts';
import { checkKeyName, newPassphrase, readKeyFile, storeKey } from '../../../trust/key-store.ts';

export const command = defineCommand({
  usage: '[OPTIONS] KEYFILE',
  summary: 'Take a private key in, to sign images with',
  details:
    "cosign's key files are read, and PKCS #8 in PEM. A key with a certificate signs in Notation's format, one without in cosign's.",
  arguments: exactly(1),
  flags: {
    certificate: { type: 'string', summary: "The key's certificate and those above it up to the root (PEM)" },
    name: { type: 'string', default: 'signer', summary: 'What the key is called here' },
  },
  async run(cli, flags, [file = '']) {
    checkKeyName(flags.name);
    cli.out.line(`Loading key from "${file}"...`);
    await cli.out.flush();
    const key = await readKeyFile(cli, file);
    const chain = flags.certificate === '' ? [] : chainIn(flags.certificate);
    if (chain.length > 0 && keyId(chain[0]!.publicKey) !== keyId(createPublicKey(key))) {
      throw new ExitError(1, `the first certificate in ${flags.certificate} is not that of the key in ${file}`);
    }
    await storeKey(cli, flags.name, key, await newPassphrase(cli, flags.name), chain);
    cli.out.line(`Successfully imported key from ${file}`);
  },
});

function chainIn(path: string) {
  try {
    return readCertificates(readFileSync(path), path);
  } catch (error) {
    throw new ExitError(1, `the certificate cannot be read: ${messageOf(error)}`);
  }
}
