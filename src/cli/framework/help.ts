// `--help`: groups list their commands, commands their flags.
import { resolveAlias } from '../docker.ts';
import { root } from '../tree.ts';
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

export async function groupHelp(path: string, group: Group): Promise<string> {
  const isRoot = group === root;
  const parts = [`Usage:  ${path}${isRoot ? ' [OPTIONS]' : ''} COMMAND`, group.summary];
  const commands: [string, string][] = [];
  const groups: [string, string][] = [];
  for (const [name, entry] of Object.entries(group.commands)) {
    const line = await summaryOf(entry);
    if (line !== undefined) (isGroup(entry) ? groups : commands).push([name, line]);
  }
  if (groups.length > 0) parts.push(`${isRoot ? 'Kinds of things' : 'Groups'}:\n${columns(groups)}`);
  if (commands.length > 0) parts.push(`Commands:\n${columns(commands)}`);
  if (isRoot) parts.push(`Global Options:\n${flagLines(globalFlags).join('\n')}`);
  parts.push(`Run '${path} COMMAND --help' for more information on a command.`);
  return `${parts.join('\n\n')}\n`;
}

async function summaryOf(entry: Entry): Promise<string | undefined> {
  const target = resolveAlias(entry);
  if (isGroup(target)) return target.summary;
  if (typeof target === 'string') return undefined;
  if (typeof target === 'object') return `${target.notBuilt} (not built yet)`;
  const { command } = await target();
  return command.hidden ? undefined : command.summary;
}

function columns(rows: [string, string][]): string {
  const sorted = rows.sort(([a], [b]) => (a < b ? -1 : 1));
  const width = Math.max(11, ...sorted.map(([name]) => name.length + 1));
  return sorted.map(([name, text]) => `  ${name.padEnd(width)} ${text}`).join('\n');
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
  return String(value);
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
