// The engine's unix socket: root's and one group's, from the moment it exists.
import { chmodSync, chownSync, lstatSync, mkdirSync, readFileSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf, failed } from '../lib/errors.ts';
import { log } from '../lib/logger.ts';
import { connectSocket } from '../lib/socket.ts';

/** Makes room for a socket; a dead one of a former engine is removed, a live one is not ours to take. */
export async function clearSocketPath(path: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  let stats: ReturnType<typeof lstatSync>;
  try {
    stats = lstatSync(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    throw error;
  }
  if (!stats.isSocket()) throw failed(`can't listen on ${path}: it exists and is no socket`);
  if (await answers(path)) throw failed(`can't listen on ${path}: another process listens there`);
  unlinkSync(path);
}

async function answers(path: string): Promise<boolean> {
  try {
    (await connectSocket({ unix: path })).destroy();
    return true;
  } catch {
    // Refused, or gone in the meantime: either way nobody is there.
    return false;
  }
}

/** Runs `listen` so that the socket it makes is nobody else's for no moment, then gives it to root and the group. */
export function listenOwned(path: string, group: { name: string; asked: boolean }, listen: () => void): void {
  const gid = groupId(group.name);
  if (gid === undefined && group.asked) throw failed(`could not find the group ${group.name} (--group)`);
  if (gid === undefined) log.warn('the socket belongs to root alone: there is no such group', { group: group.name });
  const umask = process.umask(0o777);
  try {
    listen();
  } finally {
    process.umask(umask);
  }
  chownSync(path, 0, gid ?? 0);
  chmodSync(path, 0o660);
}

function groupId(name: string): number | undefined {
  if (name === '') return 0;
  const entries = readFileSync('/etc/group', 'utf8').split('\n');
  const line = entries.find(entry => entry.startsWith(`${name}:`));
  if (line) return Number(line.split(':')[2]);
  return /^\d+$/.test(name) ? Number(name) : undefined;
}
