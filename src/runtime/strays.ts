// Who is at work on a bundle: conmon, and the runtime that it started. Both are told the bundle's path.
import { readdirSync } from 'node:fs';
import { readProcess } from './proc.ts';

/** The processes per bundle, for bundles right below a directory. A runtime's init counts until it becomes the container's. */
export function processesByBundle(directory: string): Map<string, number[]> {
  const found = new Map<string, number[]>();
  const told = `--bundle\0${directory}/`;
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    if (!(pid > 0)) continue;
    const command = readProcess(`/proc/${entry}/cmdline`) ?? '';
    const at = command.indexOf(told);
    if (at < 0) continue;
    const start = at + '--bundle\0'.length;
    const bundle = command.slice(start, command.indexOf('\0', start));
    // Below the bundle are those of execs, which are a matter of their own.
    if (bundle.indexOf('/', directory.length + 1) >= 0) continue;
    found.set(bundle, [...(found.get(bundle) ?? []), pid]);
  }
  return found;
}
