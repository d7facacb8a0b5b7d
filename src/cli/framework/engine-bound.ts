// Flags that an engine must be new enough for, or of another kind: better to say so than to be misunderstood.
import { compareVersions } from '../../client/version.ts';
import type { Cli } from './cli.ts';
import { ExitError } from './errors.ts';
import type { Flag } from './flags.ts';

export async function checkEngine(cli: Cli, flags: readonly [string, Flag][]): Promise<void> {
  const version = await (await cli.client()).negotiate();
  const problems = flags.flatMap(([name, { since, windowsOnly }]) => {
    if (windowsOnly) {
      return `"--${name}" is only supported on a Docker daemon running on windows, but the Docker daemon is running on linux`;
    }
    if (since === undefined || compareVersions(version, since) >= 0) return [];
    return `"--${name}" requires API version ${since}, but the Docker daemon API version is ${version}`;
  });
  if (problems.length > 0) throw new ExitError(1, problems.join('\n'));
}
