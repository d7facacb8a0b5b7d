// Flags as Docker's command line reads them: `--name value`, `--name=value`, `-n value`, `-nvalue`, `-n=value`, `-abc`.

import { quote } from '../format/template/quote.ts';
import { ExitError, FlagError } from './errors.ts';
import {
  type ListType,
  listTypes,
  type MapType,
  mapTypes,
  readBool,
  type ScalarType,
  scalarTypes,
} from './flag-types.ts';

interface FlagBasics {
  /** One line for `--help`. */
  summary: string;
  short?: string;
  hidden?: boolean;
  /** Other names that are accepted and not shown: `--net` for `--network`. */
  also?: readonly string[];
  /** Names that still work, each with what to use instead. */
  formerly?: Readonly<Record<string, string>>;
  /** The default as `--help` shows it, where it isn't the value's own text. */
  shownDefault?: string;
  /** The API version that brought it: older engines would misunderstand. */
  since?: string;
  /** Means something to engines on Windows only. */
  windowsOnly?: boolean;
  /** Accepted and without effect since the text says why; printed as a warning when used. */
  deprecated?: string;
}

interface ScalarFlag extends FlagBasics {
  type: ScalarType;
  default?: string | number | boolean;
  /** Reads the value instead of the type's own reader; throws what is wrong with it. */
  parse?: (text: string) => string | number | boolean;
  /** The value of the flag when it is given without one. */
  bare?: string;
  /** What to say to somebody who gives it twice. Without it the last one counts. */
  once?: string;
}

interface ListFlag extends FlagBasics {
  type: ListType;
  /** Turns one element into what the command wants; throws what is wrong with it. */
  parse?: (text: string) => unknown;
}

interface MapFlag extends FlagBasics {
  type: MapType;
  /** Throws what is wrong with a `key=value`. */
  check?: (text: string) => void;
}

export type Flag = ScalarFlag | ListFlag | MapFlag;
export type FlagTable = Readonly<Record<string, Flag>>;

type ScalarValue<F extends ScalarFlag> = F extends { parse: (text: string) => infer V }
  ? V | ReturnType<(typeof scalarTypes)[F['type']]>
  : ReturnType<(typeof scalarTypes)[F['type']]>;

type Value<F extends Flag> = F extends MapFlag
  ? Record<string, string>
  : F extends ListFlag
    ? F extends { parse: (text: string) => infer V }
      ? V[]
      : string[]
    : F extends ScalarFlag
      ? ScalarValue<F>
      : never;

const given = Symbol('given');

/** The value of every flag by its long name. Lists and maps are empty and scalars have their default when not given. */
export type FlagValues<T extends FlagTable> = { readonly [K in keyof T]: Value<T[K]> } & {
  readonly [given]: ReadonlySet<string>;
};

/** Was the flag on the command line? */
export function isGiven<T extends FlagTable>(flags: FlagValues<T>, name: keyof T & string): boolean {
  return flags[given].has(name);
}

/** The flags of the command line that not every engine knows. */
export function engineBoundFlags(table: FlagTable, flags: FlagValues<FlagTable>): [string, Flag][] {
  return Object.entries(table).filter(([name, flag]) => (flag.since || flag.windowsOnly) && flags[given].has(name));
}

export interface Parsed<T extends FlagTable> {
  values: FlagValues<T>;
  args: string[];
  help: boolean;
  /** What to tell on stderr: uses of deprecated flags. */
  warnings: string[];
}

interface Slot {
  name: string;
  flag: Flag;
}

/** Reads flags and arguments. `flagsFirst` ends the flags at the first argument. Throws FlagError. */
export function parseFlags<const T extends FlagTable>(
  table: T,
  argv: readonly string[],
  flagsFirst = false,
): Parsed<T> {
  return new Parser(table, argv, flagsFirst).parse() as Parsed<T>;
}

class Parser {
  readonly #values: Record<string, unknown> = {};
  readonly #given = new Set<string>();
  readonly #args: string[] = [];
  readonly #warnings: string[] = [];
  #help = false;
  #at = 0;

  constructor(
    private readonly table: FlagTable,
    private readonly argv: readonly string[],
    private readonly flagsFirst: boolean,
  ) {
    for (const name in table) this.#values[name] = emptyValue(table[name]!);
  }

  parse(): Parsed<FlagTable> {
    while (this.#at < this.argv.length && !this.#help) {
      const arg = this.argv[this.#at++]!;
      if (arg === '--') {
        this.#args.push(...this.argv.slice(this.#at));
        break;
      }
      if (arg.startsWith('--')) this.#long(arg);
      else if (arg.startsWith('-') && arg.length > 1) this.#short(arg);
      else if (this.flagsFirst) {
        this.#args.push(...this.argv.slice(this.#at - 1));
        break;
      } else this.#args.push(arg);
    }
    return {
      values: Object.assign(this.#values, { [given]: this.#given }) as unknown as FlagValues<FlagTable>,
      args: this.#args,
      help: this.#help,
      warnings: this.#warnings,
    };
  }

  #long(arg: string): void {
    const equals = arg.indexOf('=');
    const name = arg.slice(2, equals < 0 ? undefined : equals);
    if (name === '' || name.startsWith('-')) throw new FlagError(`bad flag syntax: ${arg}`);
    const slot = this.#findLong(name);
    if (!slot) {
      if (name !== 'help') throw new FlagError(`unknown flag: --${name}`);
      this.#help = equals < 0 || readBool(arg.slice(equals + 1));
      return;
    }
    const text = equals >= 0 ? arg.slice(equals + 1) : (bareValue(slot.flag) ?? this.argv[this.#at++]);
    if (text === undefined) throw new FlagError(`flag needs an argument: --${name}`);
    this.#set(slot, text);
  }

  #short(arg: string): void {
    for (let i = 1; i < arg.length; i++) {
      const letter = arg[i]!;
      const slot = this.#findShort(letter);
      if (!slot) {
        if (letter !== 'h') throw new FlagError(`unknown shorthand flag: ${quoteLetter(letter)} in -${arg.slice(i)}`);
        this.#warnings.push('Flag shorthand -h has been deprecated, use --help');
        this.#help = true;
        return;
      }
      const rest = arg.slice(i + 1);
      const bare = rest.startsWith('=') ? undefined : bareValue(slot.flag);
      if (bare !== undefined) {
        this.#set(slot, bare);
        continue;
      }
      const text = rest === '' ? this.argv[this.#at++] : rest.replace(/^=/, '');
      if (text === undefined) throw new FlagError(`flag needs an argument: ${quoteLetter(letter)} in -${arg.slice(i)}`);
      this.#set(slot, text);
      return;
    }
  }

  #findLong(name: string): Slot | undefined {
    if (Object.hasOwn(this.table, name)) return { name, flag: this.table[name]! };
    for (const main in this.table) {
      const flag = this.table[main]!;
      const advice = flag.formerly?.[name];
      if (advice !== undefined) this.#warnings.push(`Flag --${name} has been deprecated, ${advice}`);
      if (advice !== undefined || flag.also?.includes(name)) return { name: main, flag };
    }
    return undefined;
  }

  #findShort(letter: string): Slot | undefined {
    for (const name in this.table) {
      if (this.table[name]!.short === letter) return { name, flag: this.table[name]! };
    }
    return undefined;
  }

  #set({ name, flag }: Slot, text: string): void {
    if ('once' in flag && flag.once !== undefined && this.#given.has(name)) throw new ExitError(1, flag.once);
    try {
      this.#values[name] = addValue(flag, this.#values[name], text);
    } catch (error) {
      const shown = flag.short === undefined ? `--${name}` : `-${flag.short}, --${name}`;
      const why = error instanceof Error ? error.message : String(error);
      throw new FlagError(`invalid argument ${quote(text)} for "${shown}" flag: ${why}`);
    }
    this.#given.add(name);
    if (flag.deprecated !== undefined) this.#warnings.push(`Flag --${name} has been deprecated, ${flag.deprecated}`);
  }
}

const quoteLetter = (letter: string) => (letter === "'" ? "'\\''" : `'${letter}'`);

function bareValue(flag: Flag): string | undefined {
  if (flag.type === 'bool') return 'true';
  return 'bare' in flag ? flag.bare : undefined;
}

export const isListFlag = (flag: Flag): flag is ListFlag => flag.type in listTypes;
export const isMapFlag = (flag: Flag): flag is MapFlag => flag.type in mapTypes;

function emptyValue(flag: Flag): unknown {
  if (isListFlag(flag)) return [];
  if (isMapFlag(flag)) return {};
  if (flag.default !== undefined) return flag.default;
  if (flag.type === 'bool') return false;
  return flag.type === 'string' || flag.type === 'ip' ? '' : 0;
}

function addValue(flag: Flag, before: unknown, text: string): unknown {
  if (isListFlag(flag)) {
    const elements: unknown[] = listTypes[flag.type](text);
    const { parse } = flag;
    return [...(before as unknown[]), ...(parse ? elements.map(element => parse(element as string)) : elements)];
  }
  if (isMapFlag(flag)) {
    flag.check?.(text);
    return { ...(before as Record<string, string>), ...Object.fromEntries(mapTypes[flag.type](text)) };
  }
  return (flag.parse ?? scalarTypes[flag.type])(text);
}
