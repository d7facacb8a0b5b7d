// Paths by their text alone. node:path does this, too, but loading it is felt at the start of the client.

/** The shortest path of the same meaning: no empty parts, no `.`, and `..` only where it can't be resolved. */
export function cleanPath(path: string): string {
  const absolute = path.startsWith('/');
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else if (!absolute) parts.push(part);
  }
  return `${absolute ? '/' : ''}${parts.join('/')}` || (absolute ? '/' : '.');
}

/** Relative to the working directory, made absolute. */
export function absolutePath(path: string): string {
  return cleanPath(path.startsWith('/') ? path : `${process.cwd()}/${path}`);
}
