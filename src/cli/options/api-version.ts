// Commands that older engines don't know: better to say so than to be misunderstood.
import { compareVersions } from '../../client/version.ts';
import type { Cli } from '../framework/cli.ts';
import { ExitError } from '../framework/errors.ts';

/** Fails when the engine is older than the API that brought the command. Flags have `since` for it. */
export async function requireApi(cli: Cli, since: string): Promise<void> {
  const version = await (await cli.client()).negotiate();
  if (compareVersions(version, since) >= 0) return;
  throw new ExitError(1, `${cli.path} requires API version ${since}, but the Docker daemon API version is ${version}`);
}
