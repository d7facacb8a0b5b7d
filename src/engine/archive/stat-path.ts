// What the header X-Docker-Container-Path-Stat says of a file. Runs inside the container's root.
import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { posix } from 'node:path';
import { errnoOf } from '../../lib/errors.ts';
import { decodeName, encodeName } from '../../lib/file-name.ts';
import type { PathStat } from '../containers/containers.ts';
import { recordTime, shortestTime } from '../logs/record-time.ts';

const maxLinks = 255;

/** Go's bits for what is not a plain file. */
function goMode(stats: Stats): number {
  let mode = stats.mode & 0o777;
  if (stats.isDirectory()) mode += 2 ** 31;
  if (stats.isSymbolicLink()) mode += 2 ** 27;
  if (stats.isBlockDevice()) mode += 2 ** 26;
  if (stats.isCharacterDevice()) mode += 2 ** 26 + 2 ** 21;
  if (stats.isFIFO()) mode += 2 ** 25;
  if (stats.isSocket()) mode += 2 ** 24;
  if (stats.mode & 0o4000) mode += 2 ** 23;
  if (stats.mode & 0o2000) mode += 2 ** 22;
  if (stats.mode & 0o1000) mode += 2 ** 20;
  return mode;
}

/** The last part of a path, as Go's filepath.Base sees it. */
export function baseOf(path: string): string {
  if (path === '') return '.';
  const trimmed = path.replace(/\/+$/, '');
  return trimmed === '' ? '/' : trimmed.slice(trimmed.lastIndexOf('/') + 1);
}

export function statOf(path: string): PathStat {
  const name = encodeName(path);
  const stats = lstatSync(name);
  const { mtimeNs } = lstatSync(name, { bigint: true });
  return {
    name: baseOf(path),
    size: stats.size,
    mode: goMode(stats),
    mtime: shortestTime(recordTime(mtimeNs)),
    linkTarget: stats.isSymbolicLink() ? followLinks(path) : '',
  };
}

/** Where a path leads in the end; of what does not exist, the rest is kept as it is. */
export function followLinks(path: string): string {
  const rest = path.split('/').reverse();
  let at = '/';
  for (let links = 0; rest.length > 0; ) {
    const part = rest.pop()!;
    if (part === '' || part === '.') continue;
    const next = posix.join(at, part);
    const target = part === '..' ? undefined : linkTarget(next);
    if (target === undefined) {
      at = next;
      continue;
    }
    if (++links > maxLinks) throw Object.assign(new Error(`too many links in ${path}`), { code: 'ELOOP' });
    if (target.startsWith('/')) at = '/';
    rest.push(...target.split('/').reverse());
  }
  return at;
}

function linkTarget(path: string): string | undefined {
  try {
    return decodeName(readlinkSync(encodeName(path), { encoding: 'buffer' }));
  } catch (error) {
    // Not a link, or nothing there.
    if (['EINVAL', 'ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}
