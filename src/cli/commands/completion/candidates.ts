// What may stand next on a command line.
import { EngineClient } from '../../../client/client.ts';
import { list as listContainers } from '../../../client/containers.ts';
import { list as listImages } from '../../../client/images.ts';
import { list as listNetworks } from '../../../client/networks.ts';
import { dialer } from '../../../client/transport.ts';
import { list as listVolumes } from '../../../client/volumes.ts';
import { resolveAlias } from '../../docker.ts';
import type { Cli } from '../../framework/cli.ts';
import { type Command, type Entry, type Group, isGroup } from '../../framework/command.ts';
import type { Flag, FlagTable } from '../../framework/flags.ts';
import { globalFlags } from '../../framework/globals.ts';
import { root } from '../../tree.ts';

export interface Candidate {
  text: string;
  about?: string;
}

export interface Candidates {
  list: Candidate[];
  /** The shell may offer file names, too. */
  files: boolean;
}

const none: Candidates = { list: [], files: true };

/** The last word is the one that is being written. */
export async function candidatesFor(cli: Cli, words: readonly string[]): Promise<Candidates> {
  const current = words.at(-1) ?? '';
  const { entry, rest } = follow(words.slice(0, -1));
  if (isGroup(entry)) return matching(await wordsOf(cli, entry, current, rest), current, false);
  if (typeof entry !== 'function') return none;
  const { command } = await entry();
  return forCommand(cli, command, rest, current);
}

function matching(list: readonly Candidate[], current: string, files: boolean): Candidates {
  return { list: list.filter(({ text }) => text.startsWith(current)), files };
}

/** Follows the words to a command, past the flags that stand before it. */
function follow(words: readonly string[]): { entry: Entry; rest: string[] } {
  let entry: Entry = root;
  for (let at = 0; at < words.length; at++) {
    if (!isGroup(entry)) return { entry, rest: words.slice(at) };
    const word = words[at]!;
    if (word.startsWith('-')) {
      if (takesNextWord(globalFlags, word)) at++;
      continue;
    }
    const next: Entry | undefined = entry.commands[entry.aliases?.[word] ?? word];
    if (next === undefined) return { entry: { notBuilt: '' }, rest: [] };
    entry = resolveAlias(next);
  }
  return { entry, rest: [] };
}

function flagOf(table: FlagTable, word: string): Flag | undefined {
  if (word.startsWith('--')) return table[word.slice(2)];
  return Object.values(table).find(flag => flag.short === word.at(-1));
}

/** `--name` whose value is the next word. */
function takesNextWord(table: FlagTable, word: string): boolean {
  if (word.includes('=')) return false;
  const flag = flagOf(table, word);
  return flag !== undefined && flag.type !== 'bool';
}

async function wordsOf(cli: Cli, group: Group, current: string, rest: readonly string[]): Promise<Candidate[]> {
  if (current.startsWith('-')) return group === root ? flagCandidates(globalFlags, current) : [];
  if (rest.length > 0) return [];
  const found: Candidate[] = group === root ? await pluginNames(cli, current) : [];
  for (const [name, entry] of Object.entries(group.commands)) {
    if (name.startsWith('__') || !name.startsWith(current)) continue;
    const target = resolveAlias(entry);
    if (isGroup(target)) found.push({ text: name, about: target.summary });
    else if (typeof target === 'function') {
      const { command } = await target();
      if (!command.hidden) found.push({ text: name, about: command.summary });
    }
  }
  return found;
}

async function pluginNames(cli: Cli, current: string): Promise<Candidate[]> {
  const plugins = await (await import('../../plugins/describe.ts')).describePlugins(cli);
  return plugins
    .filter(({ Name, Err, Hidden }) => Err === undefined && !Hidden && Name.startsWith(current))
    .map(({ Name, ShortDescription }) => ({ text: Name, about: ShortDescription }));
}

function flagCandidates(table: FlagTable, current: string): Candidate[] {
  const found: Candidate[] = [];
  for (const [name, flag] of Object.entries(table)) {
    if (flag.hidden) continue;
    found.push({ text: `--${name}`, about: flag.summary });
    if (!current.startsWith('--') && flag.short !== undefined)
      found.push({ text: `-${flag.short}`, about: flag.summary });
  }
  return [...found, { text: '--help', about: 'Show what the command does' }];
}

async function forCommand(cli: Cli, command: Command, before: readonly string[], current: string): Promise<Candidates> {
  const previous = before.at(-1);
  const ended = before.includes('--');
  if (!ended && previous?.startsWith('-') && takesNextWord(command.flags, previous)) {
    return valuesOf(cli, longName(command.flags, previous), current);
  }
  if (!ended && current.startsWith('-')) {
    const equals = current.indexOf('=');
    if (equals < 0) return matching(flagCandidates(command.flags, current), current, false);
    return valuesOf(cli, current.slice(2, equals), current.slice(equals + 1));
  }
  return argumentsOf(cli, command, countArguments(command, before), current);
}

function longName(table: FlagTable, word: string): string {
  if (word.startsWith('--')) return word.slice(2);
  return Object.keys(table).find(name => table[name]!.short === word.at(-1)) ?? '';
}

function countArguments({ flags }: Command, words: readonly string[]): number {
  let count = 0;
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (!word.startsWith('-')) count++;
    else if (takesNextWord(flags, word)) at++;
  }
  return count;
}

/** The kinds of a command's arguments, in order, from its usage line; the last may be repeated. */
function argumentsOf(cli: Cli, { usage, arguments: rule }: Command, index: number, current: string) {
  if (index >= rule.max) return { list: [], files: false };
  const kinds = usage
    .replaceAll('[OPTIONS]', '')
    .split(' ')
    .map(word => /^\[?(?:SOURCE_)?([A-Z]+)/.exec(word)?.[1])
    .filter(kind => kind !== undefined);
  return namesOf(cli, kinds[Math.min(index, kinds.length - 1)] ?? '', current);
}

const platforms = [
  'linux/amd64',
  'linux/arm64',
  'linux/arm/v7',
  'linux/386',
  'linux/ppc64le',
  'linux/riscv64',
  'linux/s390x',
];

function valuesOf(cli: Cli, flag: string, current: string): Promise<Candidates> | Candidates {
  const fixed = (texts: readonly string[]) =>
    matching(
      texts.map(text => ({ text })),
      current,
      false,
    );
  switch (flag) {
    case 'network':
      return namesOf(cli, 'NETWORK', current);
    case 'volumes-from':
      return namesOf(cli, 'CONTAINER', current);
    case 'platform':
      return fixed(platforms);
    case 'type':
      return fixed([
        'config',
        'container',
        'image',
        'network',
        'node',
        'plugin',
        'secret',
        'service',
        'task',
        'volume',
      ]);
    case 'format':
      return fixed(['json', 'table', 'raw']);
    case 'restart':
      return fixed(['always', 'no', 'on-failure', 'unless-stopped']);
    case 'pull':
      return fixed(['always', 'missing', 'never']);
    default:
      return none;
  }
}

/** The engine is asked, and nobody starts one for it. */
async function namesOf(cli: Cli, kind: string, current: string): Promise<Candidates> {
  const lookUp = finders[kind];
  if (!lookUp) return none;
  const client = new EngineClient({ dial: dialer(await cli.endpoint()) });
  try {
    const names = await lookUp(client);
    return matching(
      names.map(text => ({ text })),
      current,
      false,
    );
  } catch (error) {
    if (error instanceof Error) return { list: [], files: false };
    throw error;
  } finally {
    client.close();
  }
}

const containerNames = async (client: EngineClient) =>
  (await listContainers(client, { all: true })).flatMap(({ Names: names = [] }) =>
    names.map(name => name.replace(/^\//, '')).filter(name => !name.includes('/')),
  );
const imageNames = async (client: EngineClient) =>
  (await listImages(client)).flatMap(image => (image.RepoTags ?? []).filter(name => !name.includes('<none>')));
const networkNames = async (client: EngineClient) => (await listNetworks(client)).map(network => network.Name ?? '');
const volumeNames = async (client: EngineClient) => ((await listVolumes(client)).Volumes ?? []).map(({ Name }) => Name);

const finders: Record<string, (client: EngineClient) => Promise<string[]>> = {
  CONTAINER: containerNames,
  IMAGE: imageNames,
  NETWORK: networkNames,
  VOLUME: volumeNames,
  /** `inspect` takes all of them. */
  NAME: async client => {
    const lists = [containerNames, imageNames, networkNames, volumeNames].map(find => find(client));
    return (await Promise.all(lists)).flat();
  },
};
