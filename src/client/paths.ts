// Where the engine has its things. An empty name, as scripts give it whose variable is empty, would make another path of it:
// it is refused here.
import { invalid } from '../lib/errors.ts';

const withVerb = (path: string, verb: string | undefined) => (verb === undefined ? path : `${path}/${verb}`);

function encoded(kind: string, name: string): string {
  const text = name.trim();
  if (text === '') throw invalid(`invalid ${kind} name or ID: value is empty`);
  return encodeURIComponent(text);
}

/** Engines show names of containers with a slash before them, so people give them that way, too. */
export function containerPath(name: string, verb?: string): string {
  return withVerb(`/containers/${encoded('container', name.replace(/^\/+/, ''))}`, verb);
}

export function imagePath(name: string, verb?: string): string {
  return withVerb(`/images/${encoded('image', name).replaceAll('%2F', '/')}`, verb);
}

export const networkPath = (name: string, verb?: string) => withVerb(`/networks/${encoded('network', name)}`, verb);

export const volumePath = (name: string) => `/volumes/${encoded('volume', name)}`;
