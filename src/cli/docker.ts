// `docker`: finds the command, reads its flags, runs it, and turns whatever comes of it into an exit code.
import { Cli } from './framework/cli.ts';
import { type ArgumentRule, type Command, type Entry, type Group, isGroup } from './framework/command.ts';
import { ExitError, FlagError } from './framework/errors.ts';
import { engineBoundFlags, parseFlags } from './framework/flags.ts';
import { globalFlags, isLogLevel } from './framework/globals.ts';
import { BrokenPipeError } from './framework/output.ts';
import { root } from './tree.ts';

/** Runs one command line and ends the process: what still waits (stdin, idle connections) must not keep it alive. */
export async function run(args: string[]): Promise<number> {
  process.exit(await runDocker(args));
}

export async function runDocker(args: string[], streams: ConstructorParameters<typeof Cli>[1] = {}): Promise<number> {
  let cli: Cli | undefined;
  let code = 0;
  try {
    const globals = parseFlags(globalFlags, args, true);
    cli = new Cli(globals.values, streams);
    const words = await withoutAliases(cli, globals.args);
    const whole = words === globals.args ? args : [...args.slice(0, args.length - globals.args.length), ...words];
    code = await dispatch(cli, words, globals.help, whole);
  } catch (error) {
    cli ??= new Cli(parseFlags(globalFlags, []).values, streams);
    code = await report(cli, error);
  }
  try {
    await cli.flush();
  } catch (error) {
    // Nobody reads our output any more: as if the signal had ended us.
    if (!(error instanceof BrokenPipeError)) throw error;
    return 141;
  }
  return code;
}

/** Only building has any, and only who builds pays for looking. */
async function withoutAliases(cli: Cli, words: string[]): Promise<string[]> {
  if (!['build', 'builder', 'image'].includes(words[0] ?? '')) return words;
  const { mayBeAliased, resolveAliases } = await import('./plugins/aliases.ts');
  if (!mayBeAliased(words)) return words;
  return resolveAliases(cli, words, target => {
    const found = find(target);
    return found.entry !== root && !mayBePlugin(found);
  });
}

async function dispatch(cli: Cli, args: string[], help: boolean, all: string[]): Promise<number> {
  if (cli.globals.version && args.length === 0) {
    const { gitCommit, productVersion } = await import('../lib/product.ts');
    cli.out.line(`Docker version ${productVersion}, build ${gitCommit || 'unknown'}`);
    return 0;
  }
  if (!isLogLevel(cli.globals['log-level'])) {
    throw new ExitError(1, `Unable to parse logging level: ${cli.globals['log-level']}`);
  }
  const asksHelp = args[0] === 'help';
  const words = asksHelp ? args.slice(1) : args;
  const found = find(words);
  cli.path = found.path;
  if (words[0] !== undefined && mayBePlugin(found)) {
    const code = await runPlugin(cli, words[0], all);
    if (code !== undefined) return code;
  }
  if (asksHelp && isGroup(found.entry) && found.rest.length > 0) {
    throw new ExitError(1, `unknown help topic: ${found.rest.join(' ')}`);
  }
  if (isGroup(found.entry)) return runGroup(cli, found.entry, found.rest, help || asksHelp);
  if (typeof found.entry === 'object') {
    throw new ExitError(1, `${found.path} is not built yet in this version of Dockyard`);
  }
  if (typeof found.entry === 'string') throw new Error(`alias of an alias: ${found.entry}`);
  const { command } = await found.entry();
  return runCommand(cli, command, found.rest, help || asksHelp);
}

/** Words that are not ours may be somebody's program; so may those that we have no command for yet. */
function mayBePlugin({ entry, path }: Found): boolean {
  return entry === root || (path.split(' ').length === 2 && typeof entry === 'object' && !isGroup(entry));
}

/** Undefined if there is no such plugin. */
async function runPlugin(cli: Cli, name: string, args: string[]): Promise<number | undefined> {
  const plugin = (await import('./plugins/find.ts')).findPlugin(cli, name);
  if (plugin === undefined) return undefined;
  const { Err } = await (await import('./plugins/describe.ts')).describePlugin(plugin);
  if (Err !== undefined) throw new ExitError(1, `docker: plugin ${plugin.path} is not valid: ${Err}`);
  await cli.flush();
  return (await import('./plugins/run.ts')).runPlugin(plugin.path, args);
}

interface Found {
  entry: Entry;
  /** The words that led here, `docker` first. */
  path: string;
  rest: string[];
}

/** Follows the words as far as they are names of groups and commands. */
function find(args: readonly string[]): Found {
  let group = root;
  let path = 'docker';
  for (let at = 0; ; at++) {
    const word = args[at];
    const name = word === undefined ? undefined : (group.aliases?.[word] ?? word);
    if (name === undefined || !Object.hasOwn(group.commands, name)) return { entry: group, path, rest: args.slice(at) };
    path += ` ${word}`;
    const entry = resolveAlias(group.commands[name]!);
    if (!isGroup(entry)) return { entry, path, rest: args.slice(at + 1) };
    group = entry;
  }
}

export function resolveAlias(entry: Entry): Entry {
  if (typeof entry !== 'string') return entry;
  let target: Entry = root;
  for (const word of entry.split(' ')) {
    const next: Entry | undefined = isGroup(target) ? target.commands[word] : undefined;
    if (next === undefined) throw new Error(`the command tree has no ${entry}`);
    target = next;
  }
  return target;
}

async function runGroup(cli: Cli, group: Group, rest: string[], help: boolean): Promise<number> {
  if (!help && rest.length > 0) {
    const parsed = parseUsing(cli, groupUsage(cli, group), () => parseFlags({}, rest));
    if (parsed.help) help = true;
    else if (parsed.args.length > 0) throw await unknownCommand(cli, group, parsed.args[0]!);
  }
  const { groupHelp, rootHelp } = await import('./framework/help.ts');
  // Unasked, it is a remark about the command line: nobody's output.
  const out = help ? cli.out : cli.err;
  out.write(await (group === root ? rootHelp(cli) : groupHelp(cli.path, group)));
  return 0;
}

function groupUsage(cli: Cli, group: Group): string {
  return group === root ? 'docker [OPTIONS] COMMAND [ARG...]' : `${cli.path} COMMAND`;
}

async function unknownCommand(cli: Cli, group: Group, word: string): Promise<ExitError> {
  const { nearest } = await import('../lib/nearest.ts');
  const names = Object.keys(group.commands).filter(name => !name.startsWith('_'));
  const near = nearest(word, [...names, ...Object.keys(group.aliases ?? {})]);
  const hint = near === undefined ? '' : `Did you mean '${cli.path} ${near}'?\n\n`;
  const usage = group === root ? '' : `Usage:  ${groupUsage(cli, group)}\n\n`;
  return new ExitError(
    1,
    `docker: unknown command: ${cli.path} ${word}\n\n${hint}${usage}Run '${cli.path} --help' for more information`,
  );
}

async function runCommand(cli: Cli, command: Command, rest: string[], help: boolean): Promise<number> {
  if (command.raw) return (await command.run(cli, parseFlags({}, []).values, rest)) ?? 0;
  const usage = `${cli.path} ${command.usage}`.trimEnd();
  const parsed = parseUsing(cli, usage, () => parseFlags(command.flags, rest, command.flagsFirst));
  for (const warning of parsed.warnings) cli.err.line(warning);
  if (help || parsed.help) {
    const { commandHelp } = await import('./framework/help.ts');
    cli.out.write(commandHelp(cli.path, command));
    return 0;
  }
  checkArguments(cli, usage, command.arguments, parsed.args.length);
  const bound = engineBoundFlags(command.flags, parsed.values);
  if (bound.length > 0) await (await import('./framework/engine-bound.ts')).checkEngine(cli, bound);
  return (await command.run(cli, parsed.values, parsed.args)) ?? 0;
}

function parseUsing<T>(cli: Cli, usage: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
    throw new ExitError(125, `${error.message}\n\nUsage:  ${usage}\n\nRun '${cli.path} --help' for more information`);
  }
}

function checkArguments(cli: Cli, usage: string, { min, max }: ArgumentRule, count: number): void {
  if (count >= min && count <= max) return;
  const many = (n: number) => (n === 1 ? 'argument' : 'arguments');
  let rule: string;
  let see = 'Run';
  if (max === 0) rule = 'accepts no arguments';
  else if (min === max) rule = `requires ${min} ${many(min)}`;
  else if (max === Number.POSITIVE_INFINITY) {
    rule = `requires at least ${min} ${many(min)}`;
    see = 'See';
  } else if (min === 0) rule = `requires at most ${max} ${many(max)}`;
  else rule = `requires at least ${min} and at most ${max} ${many(max)}`;
  throw new ExitError(
    1,
    `docker: '${cli.path}' ${rule}\n\nUsage:  ${usage}\n\n${see} '${cli.path} --help' for more information`,
  );
}

/** Says on stderr what went wrong and returns the exit code. */
async function report(cli: Cli, error: unknown): Promise<number> {
  if (error instanceof BrokenPipeError) return 141;
  if (error instanceof ExitError) {
    if (error.message !== '') cli.err.line(error.message);
    return error.code;
  }
  if (error instanceof FlagError) {
    cli.err.line(
      `${error.message}\n\nUsage:  docker [OPTIONS] COMMAND [ARG...]\n\nRun 'docker --help' for more information`,
    );
    return 125;
  }
  const { explain } = await import('./framework/explain.ts');
  cli.err.line(explain(error, cli.globals.debug));
  return 1;
}
