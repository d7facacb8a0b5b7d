// Where programs that add commands lie: `docker-<name>`, in the user's folder and in those of the system.
import { readdirSync, statSync } from 'node:fs';
import type { Cli } from '../framework/cli.ts';

const systemDirectories = [
  '/usr/local/lib/docker/cli-plugins',
  '/usr/local/libexec/docker/cli-plugins',
  '/usr/lib/docker/cli-plugins',
  '/usr/libexec/docker/cli-plugins',
];

/** The first that has a plugin wins. */
function directories(cli: Cli): string[] {
  return [...(cli.config().cliPluginsExtraDirs ?? []), `${cli.configDirectory}/cli-plugins`, ...systemDirectories];
}

/** The program behind `docker <name>`, if there is one. */
export function findPlugin(cli: Cli, name: string): Candidate | undefined {
  if (!isPluginName(name)) return undefined;
  const [path, ...shadowed] = directories(cli)
    .map(directory => `${directory}/docker-${name}`)
    .filter(isFile);
  return path === undefined ? undefined : { name, path, shadowed };
}

export const isPluginName = (name: string) => /^[a-z][a-z0-9]*$/.test(name);

const isFile = (path: string) => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;

export interface Candidate {
  name: string;
  path: string;
  /** Programs of the same name further down, which are never run. */
  shadowed: string[];
}

/** Everything that looks like a plugin, by name. */
export function pluginCandidates(cli: Cli): Candidate[] {
  const found = new Map<string, Candidate>();
  for (const directory of directories(cli)) {
    for (const file of filesOf(directory)) {
      if (!file.startsWith('docker-')) continue;
      const name = file.slice('docker-'.length);
      const path = `${directory}/${file}`;
      const first = found.get(name);
      if (first) first.shadowed.push(path);
      else found.set(name, { name, path, shadowed: [] });
    }
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function filesOf(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter(entry => entry.isFile() || entry.isSymbolicLink())
      .map(entry => entry.name);
  } catch {
    return [];
  }
}
