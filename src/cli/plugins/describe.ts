// What plugins say of themselves: each answers `docker-cli-plugin-metadata` with a JSON object.
import { fileProblem } from '../../lib/file-problem.ts';
import type { Cli } from '../framework/cli.ts';
import { root } from '../tree.ts';
import { type Candidate, isPluginName, pluginCandidates } from './find.ts';

const METADATA_COMMAND = 'docker-cli-plugin-metadata';

/** In the names of `docker info --format`. */
export interface Plugin {
  SchemaVersion?: string;
  Vendor?: string;
  Version?: string;
  ShortDescription?: string;
  URL?: string;
  Hidden?: boolean;
  Name: string;
  Path: string;
  ShadowedPaths?: string[];
  /** Why it can't be used. */
  Err?: string;
}

export function describePlugins(cli: Cli): Promise<Plugin[]> {
  return Promise.all(pluginCandidates(cli).map(describePlugin));
}

export async function describePlugin(candidate: Candidate): Promise<Plugin> {
  const { name, path, shadowed } = candidate;
  const who = { Name: name, Path: path, ...(shadowed.length > 0 && { ShadowedPaths: shadowed }) };
  try {
    return { ...(await metadataOf(candidate)), ...who };
  } catch (error) {
    return { ...who, Err: error instanceof Error ? error.message : String(error) };
  }
}

async function metadataOf({ name, path }: Candidate): Promise<Omit<Plugin, 'Name' | 'Path'>> {
  if (!isPluginName(name)) throw new Error(`plugin candidate "${name}" did not match "^[a-z][a-z0-9]*$"`);
  const builtIn = Object.hasOwn(root.commands, name) ? root.commands[name] : undefined;
  if (builtIn !== undefined && !(typeof builtIn === 'object' && 'notBuilt' in builtIn)) {
    throw new Error(`plugin "${name}" duplicates builtin command`);
  }
  const metadata = parse(await answerOf(path));
  const { SchemaVersion: schema, Vendor: vendor } = metadata;
  if (schema !== '0.1.0') throw new Error(`plugin SchemaVersion "${schema ?? ''}" is not valid, must be 0.1.0`);
  if (typeof vendor !== 'string' || vendor === '') throw new Error('plugin metadata does not define a vendor');
  const known = ['SchemaVersion', 'Vendor', 'Version', 'ShortDescription', 'URL', 'Hidden'];
  return Object.fromEntries(known.filter(key => key in metadata).map(key => [key, metadata[key]]));
}

async function answerOf(path: string): Promise<string> {
  const child = start(path);
  const [text, code] = await Promise.all([child.stdout.text(), child.exited]);
  if (code !== 0) throw unanswered(`exit status ${code}`);
  return text;
}

function start(path: string) {
  try {
    return Bun.spawn([path, METADATA_COMMAND], { stdin: 'ignore', stderr: 'ignore' });
  } catch (error) {
    throw unanswered(fileProblem('fork/exec', path, error));
  }
}

const unanswered = (why: string) => new Error(`failed to fetch metadata: ${why}`);

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
    throw new SyntaxError('not an object');
  } catch (error) {
    throw new Error(`invalid metadata: ${error instanceof Error ? error.message : error}`);
  }
}
