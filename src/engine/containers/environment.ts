import type { ContainerConfig } from '../../wire/types.ts';

const DEFAULT_PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The environment of a container's process: what Docker gives to all, what links add, then what was asked for. */
export function processEnvironment(
  config: ContainerConfig,
  tty: boolean,
  linked: readonly string[],
  more: readonly string[] = [],
): string[] {
  const base = [DEFAULT_PATH, `HOSTNAME=${config.Hostname ?? ''}`, ...(tty ? ['TERM=xterm'] : []), ...linked];
  const variables = new Map<string, string>();
  for (const line of [...base, ...(config.Env ?? []), ...more]) {
    const equals = line.indexOf('=');
    // A name alone takes the variable away.
    if (equals < 0) variables.delete(line);
    else variables.set(line.slice(0, equals), line);
  }
  return [...variables.values()];
}
