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

/** Names of images keep their slashes: the engine's routes take everything up to the verb. */
const encodedImage = (name: string) => encoded('image', name).replaceAll('%2F', '/');

export const imagePath = (name: string, verb?: string) => withVerb(`/images/${encodedImage(name)}`, verb);

/** What the registry says of it. */
export const distributionPath = (name: string) => `/distribution/${encodedImage(name)}/json`;

export const signaturesPath = (name: string) => `/dockyard/trust/${encodedImage(name)}/signatures`;

export const pluginPath = (name: string) => `/plugins/${encodedImage(name)}/json`;

export const networkPath = (name: string, verb?: string) => withVerb(`/networks/${encoded('network', name)}`, verb);

export const volumePath = (name: string) => `/volumes/${encoded('volume', name)}`;
