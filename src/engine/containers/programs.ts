import { unavailable } from '../../lib/errors.ts';

/** Where a helper program of the distribution is; looked up when it is needed, so that installing it is all that it takes. */
export function findOnPath(program: string): string {
  const path = process.env.PATH || '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  const found = Bun.which(program, { PATH: `${path}:/usr/libexec/podman:/usr/lib/podman:/usr/sbin:/usr/bin` });
  if (!found)
    throw unavailable(
      `${program} is not installed: containers can't run without it (Debian: apt-get install ${program})`,
    );
  return found;
}
