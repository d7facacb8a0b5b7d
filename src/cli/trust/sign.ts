// Signs what is in a registry: here, with this user's key; the engine only carries the signature there.
import type { EngineClient } from '../../client/client.ts';
import { attach, policy, type Subject } from '../../client/trust.ts';
import { isDigest } from '../../lib/ids.ts';
import { familiarName, type Reference, repositoryOf } from '../../lib/reference.ts';
import { signWithKey } from '../../signatures/cosign.ts';
import { signWithChain } from '../../signatures/notation.ts';
import type { Cli } from '../framework/cli.ts';
import { registryAuth } from '../framework/credentials.ts';
import { ExitError } from '../framework/errors.ts';
import type { SigningKey } from './key-store.ts';

export async function signImage(
  cli: Cli,
  client: EngineClient,
  reference: Reference,
  subject: Subject,
  { key, chain }: SigningKey,
): Promise<void> {
  const { mediaType, digest, size } = subject;
  if (!isDigest(digest))
    throw new ExitError(1, `the engine named ${familiarName(reference)} by a digest that can't be signed: ${digest}`);
  const evidence =
    chain.length > 0
      ? signWithChain(key, chain, { mediaType, digest, size })
      : signWithKey(key, repositoryOf(reference), digest);
  const auth = await registryAuth(cli, reference.domain);
  await attach(client, repositoryOf(reference), { subject: { mediaType, digest, size }, evidence }, auth);
}

/** Before anything is pushed: an engine that can't carry signatures had better say so first. */
export async function checkCanSign(cli: Cli, client: EngineClient): Promise<void> {
  if (await policy(client)) return;
  throw new ExitError(
    1,
    `the engine at ${(await cli.endpoint()).host} can't store signatures in registries: use Dockyard's engine`,
  );
}
