// `--help`: groups list their commands, commands their flags.
import { resolveAlias } from '../docker.ts';
import { root } from '../tree.ts';
import type { Cli } from './cli.ts';
import { type Command, type Entry, type Group, isGroup } from './command.ts';
import { type Flag, type FlagTable, isListFlag, isMapFlag } from './flags.ts';
import { globalFlags } from './globals.ts';

const WIDTH = 80;

export function commandHelp(path: string, command: Command): string {
  const parts = [`Usage:  ${`${path} ${command.usage}`.trimEnd()}`, command.details ?? command.summary];
  const aliases = namesOf(path);
  if (aliases.length > 1) parts.push(`Aliases:\n  ${aliases.join(', ')}`);
  const flags = flagLines(command.flags);
  if (flags.length > 0) parts.push(`Options:\n${flags.join('\n')}`);
  return `${parts.join('\n\n')}\n`;
}

type Row = [name: string, summary: string];

/** What most people need, in the order in which they need it. */
const common = [
  'run',
  'exec',
  'ps',
  'logs',
  'stop',
  'images',
  'pull',
  'push',
  'login',
  'logout',
  'search',
  'info',
  'version',
];

export async function rootHelp(cli: Cli): Promise<string> {
  const { describePlugins } = await import('../plugins/describe.ts');
  const [rows, plugins] = await Promise.all([rowsOf(root), describePlugins(cli)]);
  const working = plugins.filter(({ Err, Hidden }) => Err === undefined && !Hidden);
  const broken = plugins.filter(({ Err }) => Err !== undefined);
  const byPlugin = new Set(working.map(({ Name }) => Name));
  const first = common.map(name => rows.commands.find(row => row[0] === name)!);
  const sections: [string, Row[]][] = [
    ['Common Commands', first],
    ['Kinds of things', rows.groups],
    ['Commands', rows.commands.filter(row => !first.includes(row))],
    ['Plugins', working.map(({ Name, ShortDescription }) => [`${Name}*`, ShortDescription ?? ''])],
    ['Invalid Plugins', broken.map(({ Name, Err }) => [Name, Err ?? ''])],
    ['Not built yet', rows.notBuilt.filter(([name]) => !byPlugin.has(name))],
  ];
  return pageOf('docker [OPTIONS] COMMAND', root.summary, 'docker', [
    ...sections.filter(([, list]) => list.length > 0).map(([title, list]) => `${title}:\n${columns(list)}`),
    `Global Options:\n${flagLines(globalFlags).join('\n')}`,
  ]);
}

export async function groupHelp(path: string, group: Group): Promise<string> {
  const { groups, commands, notBuilt } = await rowsOf(group);
  const marked = notBuilt.map(([name, text]): Row => [name, `${text} (not built yet)`]);
  return pageOf(`${path} COMMAND`, group.summary, path, [
    ...(groups.length > 0 ? [`Groups:\n${columns(byName(groups))}`] : []),
    `Commands:\n${columns(byName([...commands, ...marked]))}`,
  ]);
}

function pageOf(usage: string, summary: string, path: string, sections: readonly string[]): string {
  const more = `Run '${path} COMMAND --help' for more information on a command.`;
  return `${[`Usage:  ${usage}`, summary, ...sections, more].join('\n\n')}\n`;
}

async function rowsOf(group: Group): Promise<Record<'groups' | 'commands' | 'notBuilt', Row[]>> {
  const rows = { groups: [] as Row[], commands: [] as Row[], notBuilt: [] as Row[] };
  for (const [name, entry] of Object.entries(group.commands)) {
    const target = resolveAlias(entry);
    if (isGroup(target)) rows.groups.push([name, target.summary]);
    else if (typeof target === 'object') rows.notBuilt.push([name, target.notBuilt]);
    else if (typeof target === 'function') {
      const { command } = await target();
      if (!command.hidden) rows.commands.push([name, command.summary]);
    }
  }
  return { groups: byName(rows.groups), commands: byName(rows.commands), notBuilt: byName(rows.notBuilt) };
}

const byName = (rows: readonly Row[]) => rows.toSorted(([a], [b]) => (a < b ? -1 : 1));

function columns(rows: readonly Row[]): string {
  const width = Math.max(11, ...rows.map(([name]) => name.length + 1));
  return rows.map(([name, text]) => `  ${name.padEnd(width)} ${text}`.trimEnd()).join('\n');
}

/** Every path that leads to the same command, the path itself included. */
function namesOf(path: string): string[] {
  const target = entryAt(path);
  const names: string[] = [];
  const visit = (group: Group, prefix: string) => {
    for (const [name, entry] of Object.entries(group.commands)) {
      if (isGroup(entry)) visit(entry, `${prefix} ${name}`);
      else if (resolveAlias(entry) === target) {
        names.push(`${prefix} ${name}`);
        for (const alias in group.aliases) if (group.aliases[alias] === name) names.push(`${prefix} ${alias}`);
      }
    }
  };
  visit(root, 'docker');
  return names;
}

function entryAt(path: string): Entry {
  let entry: Entry = root;
  for (const word of path.split(' ').slice(1)) {
    if (!isGroup(entry)) break;
    entry = resolveAlias(entry.commands[entry.aliases?.[word] ?? word]!);
  }
  return entry;
}

function flagLines(flags: FlagTable): string[] {
  const rows = Object.entries(flags)
    .filter(([, flag]) => !flag.hidden)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, flag]) => {
      const type = flag.type === 'bool' ? '' : ` ${flag.type}`;
      const left = `  ${flag.short === undefined ? '   ' : `-${flag.short},`} --${name}${type}`;
      return { left, text: `${flag.summary}${defaultText(flag)}` };
    });
  const indent = Math.max(...rows.map(({ left }) => left.length), 0) + 3;
  return rows.map(
    ({ left, text }) => `${left.padEnd(indent)}${wrap(text, WIDTH - indent).join(`\n${' '.repeat(indent)}`)}`,
  );
}

/** The default as people see it, if it is worth seeing. */
export function shownDefault(flag: Flag): string | undefined {
  if (flag.shownDefault !== undefined) return flag.shownDefault;
  if (isListFlag(flag) || isMapFlag(flag)) return undefined;
  const value = flag.default;
  if (value === undefined || value === false || value === '' || value === 0) return undefined;
  const text = String(value);
  return text === '0s' ? undefined : text;
}

function defaultText(flag: Flag): string {
  const shown = shownDefault(flag);
  if (shown === undefined) return '';
  return flag.type === 'string' ? ` (default "${shown}")` : ` (default ${shown})`;
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > Math.max(width, 24)) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines;
}
