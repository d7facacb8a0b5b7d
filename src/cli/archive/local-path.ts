// The local side of a copy: which file is meant, links and trailing slashes considered.
import { lstatSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { ExitError } from '../framework/errors.ts';
import { assertsDirectory, type Destination, isContentOf, type Source, splitPath } from './copy-plan.ts';

const MAX_LINKS = 10;

/** An absolute path that still says, by its end, what it stands for. */
export function absolute(path: string): string {
  const whole = resolve(path);
  const slash = whole.endsWith('/') ? '' : '/';
  if (isContentOf(path)) return `${whole}${slash}.`;
  return path.endsWith('/') ? `${whole}${slash}` : whole;
}

/** A link is copied as a link, unless links are followed or a slash after it says that the directory is meant. */
export function localSource(path: string, followLinks: boolean): Source {
  const given = absolute(path);
  const follow = followLinks || assertsDirectory(given);
  const { directory, base } = splitPath(given);
  const target = isContentOf(given) ? directory : given.replace(/\/+$/, '') || '/';
  try {
    const real = follow ? realpathSync(target) : `${realpathSync(directory)}/${base}`.replace(/^\/\//, '/');
    const stat = lstatSync(real);
    if (assertsDirectory(given) && !stat.isDirectory()) throw new ExitError(1, 'not a directory');
    if (isContentOf(given)) return { path: `${real}/.`, isDirectory: stat.isDirectory() };
    const realBase = splitPath(real).base;
    return { path: real, isDirectory: stat.isDirectory(), name: realBase === base ? undefined : base };
  } catch (error) {
    throw missing(error, target);
  }
}

/** Links are followed to where they lead, even if nothing is there yet. */
export function localDestination(path: string): Destination {
  let current = absolute(path);
  for (let links = 0; links <= MAX_LINKS; links++) {
    const stat = lstatSync(current.replace(/(.)\/\.?$/, '$1'), { throwIfNoEntry: false });
    if (!stat) {
      const parent = splitPath(current).directory;
      const parentStat = statSync(parent, { throwIfNoEntry: false });
      if (!parentStat) throw new ExitError(1, `invalid output path: directory "${parent}" does not exist`);
      if (!parentStat.isDirectory()) throw new ExitError(1, 'not a directory');
      return { path: current, exists: false, isDirectory: false };
    }
    if (!stat.isSymbolicLink()) {
      if (stat.isCharacterDevice() || stat.isBlockDevice()) {
        throw new ExitError(1, `invalid output path: "${current}" must be a directory or a regular file: got a device`);
      }
      return { path: current, exists: true, isDirectory: stat.isDirectory() };
    }
    const bare = current.replace(/\/\.?$/, '');
    current = resolve(splitPath(bare).directory, readlinkSync(bare));
  }
  throw new ExitError(1, `too many symlinks in ${path}`);
}

function missing(error: unknown, path: string): unknown {
  if (error instanceof Error && 'code' in error) {
    if (error.code === 'ENOENT') return new ExitError(1, `lstat ${path}: no such file or directory`);
    if (error.code === 'ENOTDIR') return new ExitError(1, `lstat ${path}: not a directory`);
    if (error.code === 'EACCES') return new ExitError(1, `lstat ${path}: permission denied`);
  }
  return error;
}
