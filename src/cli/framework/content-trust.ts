// DOCKER_CONTENT_TRUST: with it, images are pulled and run only if they are signed, and pushed images are signed. Docker meant
// signatures in a Notary server by it; here it is those that the engine's trust policy speaks of.
import type { EngineClient } from '../../client/client.ts';
import { policy, SIGNATURE_REQUIRED } from '../../client/trust.ts';
import type { Cli } from './cli.ts';
import { ExitError } from './errors.ts';

/** Headers for a request that brings or uses an image. */
export async function signatureRequired(cli: Cli, client: EngineClient): Promise<Record<string, string>> {
  if (await policy(client)) return SIGNATURE_REQUIRED;
  // Left to itself such an engine would ignore the header, and nobody would know.
  throw new ExitError(
    1,
    `DOCKER_CONTENT_TRUST is set, but the engine at ${(await cli.endpoint()).host} does not verify signatures: unset it, use --disable-content-trust, or use Dockyard's engine`,
  );
}
