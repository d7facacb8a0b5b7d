import { invalid } from '../../lib/errors.ts';

/** A name that has an empty part, '.' or '..' somewhere. */
const unclean = /(^|\/)\.{0,2}(\/|$)/;

/** Where an archive's member belongs, relative to the root: '' is the root itself. Names that leave it are refused. */
export function memberPath(name: string): string {
  if (!unclean.test(name)) return name;
  const parts: string[] = [];
  for (const part of name.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) throw invalid(`invalid layer: ${JSON.stringify(name)} is outside of it`);
  }
  return parts.join('/');
}

export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}
