// Every command that is built has the flags, types, shorthands and defaults of Docker's, and of our own only those named here.
import { describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { resolveAlias } from '../../src/cli/docker.ts';
import { type Command, type Entry, type Group, isGroup } from '../../src/cli/framework/command.ts';
import { type Flag, type FlagTable, isListFlag, isMapFlag } from '../../src/cli/framework/flags.ts';
import { globalFlags } from '../../src/cli/framework/globals.ts';
import { root } from '../../src/cli/tree.ts';

interface Facts {
  flags?: string[];
  aliases?: string[];
  subcommands?: string[];
}

const spec = JSON.parse(readFileSync(new URL('cli-spec.json', import.meta.url), 'utf8')) as Record<string, Facts>;

/** Areas that are one `not built yet` as a whole. */
function isBuilt(path: string): boolean {
  return entryAt(path) !== undefined;
}

function entryAt(path: string): Entry | undefined {
  let entry: Entry = root;
  for (const word of path.split(' ').slice(1)) {
    if (!isGroup(entry)) return undefined;
    const next: Entry | undefined = entry.commands[entry.aliases?.[word] ?? word];
    if (next === undefined) return undefined;
    entry = resolveAlias(next);
  }
  return entry;
}

async function commandAt(path: string): Promise<Command | undefined> {
  const entry = entryAt(path);
  return typeof entry === 'function' ? (await entry()).command : undefined;
}

const zeros: Partial<Record<Flag['type'], string>> = { duration: '0s', ip: '<nil>' };

function defaultOf(flag: Flag): string | undefined {
  if (isListFlag(flag)) return undefined;
  if (isMapFlag(flag)) return flag.type === 'map' ? 'map[]' : undefined;
  if (flag.type === 'bool') return flag.default === true ? 'true' : undefined;
  if (flag.type === 'string' || flag.type === 'decimal') return flag.default ? String(flag.default) : undefined;
  return zeros[flag.type] ?? String(flag.default ?? 0);
}

function factsOf(flags: FlagTable): string[] {
  return Object.entries(flags)
    .map(([name, flag]) => {
      const value = defaultOf(flag);
      return `${flag.short ? `-${flag.short} ` : ''}--${name} ${flag.type}${value === undefined ? '' : ` =${value}`}`;
    })
    .sort();
}

const nameOf = (fact: string) => /--([\w-]+)/.exec(fact)![1]!;

/** What we have beyond Docker. */
const ownFlags: Record<string, string[]> = {
  'docker image push': ['sign', 'sign-key'],
  'docker push': ['sign', 'sign-key'],
};

describe('the command line', () => {
  for (const [path, { flags = [], aliases, subcommands }] of Object.entries(spec)) {
    if (path === 'docker' || !isBuilt(path)) continue;

    test(path, async () => {
      const entry = entryAt(path)!;
      if (isGroup(entry)) {
        const shown = [];
        for (const name of Object.keys(entry.commands)) {
          if (!(await commandAt(`${path} ${name}`))?.hidden) shown.push(name);
        }
        expect(shown.sort()).toEqual([...(subcommands ?? [])].sort());
        return;
      }
      const command = await commandAt(path);
      if (!command) return;
      for (const alias of aliases ?? []) expect(entryAt(alias)).toBe(entry);
      // --help is there for every command, and part of nobody's table.
      const wanted = flags.filter(fact => nameOf(fact) !== 'help').sort();
      const hidden = (name: string) => command.flags[name]?.hidden && !wanted.some(fact => nameOf(fact) === name);
      const own = (name: string) => ownFlags[path]?.includes(name);
      expect(factsOf(command.flags).filter(fact => !hidden(nameOf(fact)) && !own(nameOf(fact)))).toEqual(wanted);
    });
  }

  test('docker', () => {
    const names = spec.docker!.flags!.map(nameOf);
    expect(
      Object.keys(globalFlags)
        .filter(name => name !== 'version')
        .sort(),
    ).toEqual(names.sort());
    const commands = Object.keys((root satisfies Group).commands);
    for (const name of spec.docker!.subcommands!) expect(commands).toContain(name);
  });
});
