// The daemon's command line, read by the table of options.
import { type DockyardError, invalid } from '../lib/errors.ts';
import { type Option, type OptionName, optionNames, optionTable, type Settings } from './options.ts';
import { isWrongValue } from './value-types.ts';

export interface CommandLine {
  /** Only what was given. */
  given: Partial<Settings>;
  /** Asked for instead of a daemon. */
  show: 'help' | 'version' | undefined;
}

interface Flag {
  name: OptionName | 'help' | 'version';
  option: Pick<Option<unknown>, 'flag' | 'type'> | undefined;
}

const byLong = new Map<string, Flag>([
  ['help', { name: 'help', option: undefined }],
  ['version', { name: 'version', option: undefined }],
]);
const byShort = new Map<string, Flag>([
  ['h', { name: 'help', option: undefined }],
  ['v', { name: 'version', option: undefined }],
]);
for (const name of optionNames) {
  const option = optionTable[name];
  if (option.fileOnly) continue;
  byLong.set(option.flag, { name, option });
  if (option.short) byShort.set(option.short, { name, option });
}

export function parseCommandLine(args: readonly string[]): CommandLine {
  const reader = new Reader(args);
  for (let word = reader.next(); word !== undefined; word = reader.next()) {
    if (word.startsWith('--') && word !== '--') reader.long(word);
    else if (word.startsWith('-') && word.length > 1 && word !== '--') reader.shorts(word);
    else if (word !== '--' || !reader.atEnd) throw withHint('"dockerd" accepts no arguments.');
  }
  return { given: reader.given as Partial<Settings>, show: reader.show };
}

class Reader {
  readonly given: Partial<Record<OptionName, unknown>> = {};
  show: CommandLine['show'];
  #at = 0;

  constructor(private readonly args: readonly string[]) {}

  get atEnd(): boolean {
    return this.#at >= this.args.length;
  }

  next(): string | undefined {
    return this.args[this.#at++];
  }

  /** --flag, --flag=value, --flag value. */
  long(word: string): void {
    const equals = word.indexOf('=');
    const name = word.slice(2, equals < 0 ? undefined : equals);
    const flag = byLong.get(name);
    if (!flag) throw withHint(`unknown flag: --${name}`);
    if (equals >= 0) this.#set(flag, word.slice(equals + 1));
    else if (!flag.option || flag.option.type.word === undefined) this.#set(flag, 'true');
    else this.#set(flag, this.#argument(`--${name}`));
  }

  /** -D, -DH value, -Hvalue, -H=value. */
  shorts(word: string): void {
    for (let at = 1; at < word.length; at++) {
      const letter = word[at]!;
      const flag = byShort.get(letter);
      if (!flag) throw withHint(`unknown shorthand flag: '${letter}' in ${word}`);
      const rest = word.slice(at + 1);
      const alone = !flag.option || flag.option.type.word === undefined;
      if (alone && !rest.startsWith('=')) {
        this.#set(flag, 'true');
        continue;
      }
      this.#set(flag, rest === '' ? this.#argument(`'${letter}' in ${word}`) : rest.replace(/^=/, ''));
      return;
    }
  }

  #argument(what: string): string {
    const value = this.next();
    if (value === undefined) throw withHint(`flag needs an argument: ${what}`);
    return value;
  }

  #set({ name, option }: Flag, text: string): void {
    if (name === 'help' || name === 'version') {
      this.show ??= name;
      return;
    }
    try {
      this.given[name] = option!.type.fromFlag(text, this.given[name]);
    } catch (error) {
      if (!isWrongValue(error)) throw error;
      throw withHint(`invalid argument "${text}" for "--${option!.flag}" flag: ${error.message}`);
    }
  }
}

function withHint(message: string): DockyardError {
  return invalid(`${message}\nSee 'dockerd --help'.`);
}
