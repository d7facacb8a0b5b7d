// Where a copy ends up, and under which name: the rules of `cp`, which `docker cp` follows on both sides.
//
//   the destination is a directory     the source goes into it, under its own name
//   the destination is a file          the source must not be a directory, and replaces it
//   the destination does not exist     its parent must; the source takes its name
//
// A source that ends in `/.` stands for the content of a directory.
import { ExitError } from '../framework/errors.ts';

export interface Source {
  path: string;
  isDirectory: boolean;
  /** The name it was asked for by, when a link led to another. */
  name?: string;
}

export interface Destination {
  path: string;
  exists: boolean;
  isDirectory: boolean;
}

export interface CopyPlan {
  /** The directory that the archive is unpacked in. */
  directory: string;
  /** What the archive's top entry is called, or undefined if it keeps its name. */
  rename?: string;
}

export function planCopy(source: Source, destination: Destination): CopyPlan {
  if (destination.exists && destination.isDirectory) return { directory: destination.path, rename: source.name };
  if (destination.exists && source.isDirectory) throw new ExitError(1, 'cannot copy directory');
  if (!destination.exists && !source.isDirectory && assertsDirectory(destination.path)) {
    throw new ExitError(1, 'no such directory');
  }
  const { directory, base } = splitPath(destination.path);
  return { directory, rename: base };
}

/** Nothing at all, or `/` or `/.` at the end: it must be a directory. */
export function assertsDirectory(path: string): boolean {
  return path === '' || path.endsWith('/') || isContentOf(path);
}

/** `/.` at the end: not the directory, but what is in it. */
export function isContentOf(path: string): boolean {
  return path === '.' || path.endsWith('/.');
}

/** `a/b/` is `b` in `a`; `a/b/.` is `.` in `a/b`. */
export function splitPath(path: string): { directory: string; base: string } {
  if (isContentOf(path)) return { directory: path.replace(/\/?\.$/, '') || '/', base: '.' };
  const clean = path.replace(/\/+$/, '');
  const slash = clean.lastIndexOf('/');
  if (slash < 0) return { directory: '.', base: clean };
  return { directory: clean.slice(0, slash) || '/', base: clean.slice(slash + 1) };
}

/** Puts `to` in the place of the first part of a name, or of the parts that make up `from`. */
export function renamer(from: string, to: string): (name: string) => string {
  return name => {
    const bare = name.replace(/\/+$/, '');
    if (from === '') return `${to}/${name.replace(/^\/+/, '')}`;
    if (bare === from) return to;
    return name.startsWith(`${from}/`) ? `${to}${name.slice(from.length)}` : name;
  };
}
