// Flags that older engines don't know: better to say so than to be misunderstood.
import { compareVersions } from '../../client/version.ts';
import type { Cli } from '../framework/cli.ts';
import { ExitError } from '../framework/errors.ts';

/** Fails when the engine is older than a flag that was given. The versions are those of the API that brought the flag. */
export async function requireApi(cli: Cli, flag: string, isGiven: boolean, since: string): Promise<void> {
  if (isGiven) await requireApiFor(cli, `"--${flag}"`, since);
}

/** Fails when the engine is too old for a whole command. */
export async function requireApiFor(cli: Cli, what: string, since: string): Promise<void> {
  const version = await (await cli.client()).negotiate();
  if (compareVersions(version, since) >= 0) return;
  throw new ExitError(1, `${what} requires API version ${since}, but the Docker daemon API version is ${version}`);
}
