import type { ResolvedUser } from '../../runtime/users.ts';
import type { ContainerConfig, MountPoint } from '../../wire/types.ts';

const DEFAULT_PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

interface EnvironmentInput {
  config: ContainerConfig;
  tty: boolean;
  linked: readonly string[];
  /** HOME where nobody sets it; undefined leaves it to the runtime. */
  home: string | undefined;
  more?: readonly string[];
}

/** The environment of a container's process: what Docker gives to all, what links add, then what was asked for. */
export function processEnvironment({ config, tty, linked, home, more = [] }: EnvironmentInput): string[] {
  const base = [DEFAULT_PATH, `HOSTNAME=${config.Hostname ?? ''}`, ...(tty ? ['TERM=xterm'] : []), ...linked];
  const variables = new Map<string, string>();
  for (const line of [...base, ...(config.Env ?? []), ...more]) {
    const equals = line.indexOf('=');
    // A name alone takes the variable away.
    if (equals < 0) variables.delete(line);
    else variables.set(line.slice(0, equals), line);
  }
  if (home !== undefined && !variables.has('HOME')) variables.set('HOME', `HOME=${home}`);
  return [...variables.values()];
}

/** crun sets no HOME for a user whom /etc/passwd does not know. Where that is a mount, only the runtime can read it. */
export function homeOf(user: ResolvedUser, mounts: readonly MountPoint[]): string | undefined {
  const hidden = mounts.some(each => each.Destination === '/etc' || each.Destination === '/etc/passwd');
  return hidden ? undefined : user.home;
}
