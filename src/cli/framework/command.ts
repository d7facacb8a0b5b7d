// What a command is: a usage line, a table of flags, a rule for its arguments, and what it does.
// A command's file exports one of these as `command`; the tree (../tree.ts) says which words lead to it.
import type { Cli } from './cli.ts';
import type { FlagTable, FlagValues } from './flags.ts';

/** How many arguments a command takes. */
export interface ArgumentRule {
  min: number;
  max: number;
}

export const noArguments: ArgumentRule = { min: 0, max: 0 };
export const anyArguments: ArgumentRule = { min: 0, max: Number.POSITIVE_INFINITY };
export const exactly = (count: number): ArgumentRule => ({ min: count, max: count });
export const atLeast = (min: number): ArgumentRule => ({ min, max: Number.POSITIVE_INFINITY });
export const atMost = (max: number): ArgumentRule => ({ min: 0, max });
export const between = (min: number, max: number): ArgumentRule => ({ min, max });

export interface CommandDefinition<T extends FlagTable> {
  /** What follows the command's name on the usage line: `[OPTIONS] CONTAINER [CONTAINER...]`. */
  usage: string;
  /** One line for the lists of `--help`. */
  summary: string;
  /** More text for the command's own `--help`. */
  details?: string;
  arguments: ArgumentRule;
  /** Flags end at the first argument; what follows belongs to somebody else's command line. */
  flagsFirst?: boolean;
  /** Takes what follows as it is, flags and all: it is somebody else's unfinished command line. */
  raw?: boolean;
  /** Not listed by `--help` of its group. */
  hidden?: boolean;
  flags: T;
  /** Ends the process with 0, or with the number it returns. */
  run(cli: Cli, flags: FlagValues<T>, args: string[]): Promise<number | undefined>;
}

/** A definition whose table of flags has been forgotten by the types: what the framework handles. */
export interface Command extends Omit<CommandDefinition<FlagTable>, 'run'> {
  run(cli: Cli, flags: FlagValues<FlagTable>, args: string[]): Promise<number | undefined>;
}

export function defineCommand<const T extends FlagTable>(definition: CommandDefinition<T>): Command {
  // The parser fills the values from the very table that types them, so the narrower signature holds.
  return definition as unknown as Command;
}

export interface CommandModule {
  command: Command;
}

/** Words that lead further: `docker container`. */
export interface Group {
  summary: string;
  commands: Record<string, Entry>;
  /** Other names: `list` for `ls`. */
  aliases?: Record<string, string>;
}

export type Entry =
  /** Loads the command's file. */
  | (() => Promise<CommandModule>)
  /** The same command under another path: `container ls`. */
  | string
  /** Docker has it and we do not yet. */
  | { notBuilt: string }
  | Group;

export function isGroup(entry: Entry): entry is Group {
  return typeof entry === 'object' && 'commands' in entry;
}
