// The kinds of values an option can have: each is read from a flag's text and from JSON, and can be given several times or not.
import { isIP } from 'node:net';
import { isJsonObject } from '../lib/json-object.ts';

export interface ValueType<Value> {
  /** What --help calls it; a flag without one may stand alone. */
  readonly word: string | undefined;
  readonly absent: Value;
  /** `before` is what the same flag gave earlier on the command line. */
  fromFlag(text: string, before: Value | undefined): Value;
  fromJson(value: unknown): Value;
}

class WrongValue extends Error {}

/** A reader's objection; whoever knows the option's name says which one it was. */
const wrong = (message: string) => new WrongValue(message);

export function isWrongValue(error: unknown): error is Error {
  return error instanceof WrongValue;
}

export function boolean(absent: boolean): ValueType<boolean> {
  return {
    word: undefined,
    absent,
    fromFlag(text) {
      if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
      if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text)) return false;
      throw wrong(`${JSON.stringify(text)} is neither true nor false`);
    },
    fromJson(value) {
      if (typeof value === 'boolean') return value;
      throw wrong('must be true or false');
    },
  };
}

export function text(absent: string, check: (value: string) => string = value => value): ValueType<string> {
  return {
    word: 'string',
    absent,
    fromFlag: check,
    fromJson(value) {
      if (typeof value === 'string') return check(value);
      throw wrong('must be a string');
    },
  };
}

export function choice<const Choice extends string>(absent: Choice, choices: readonly Choice[]): ValueType<Choice> {
  const pick = (value: string): Choice => {
    const found = choices.find(known => known === value);
    if (found === undefined) throw wrong(`${JSON.stringify(value)} is none of ${choices.filter(Boolean).join(', ')}`);
    return found;
  };
  return { ...text('', pick), absent, fromFlag: pick, fromJson: value => pick(text('').fromJson(value)) };
}

export function integer(absent: number, least = Number.MIN_SAFE_INTEGER): ValueType<number> {
  const check = (value: number) => {
    if (!Number.isSafeInteger(value)) throw wrong('must be a whole number');
    if (value < least) throw wrong(`${value} is less than ${least}`);
    return value;
  };
  return {
    word: 'int',
    absent,
    fromFlag: value => check(/^[+-]?\d+$/.test(value) ? Number(value) : Number.NaN),
    fromJson: value => check(typeof value === 'number' ? value : Number.NaN),
  };
}

/** "64m", "1.5 GiB", or plain bytes. */
export function bytes(absent: number): ValueType<number> {
  const read = (value: string) => {
    const match = /^(\d+(?:\.\d+)?)\s*([kmgtp]?)(?:i?b)?$/i.exec(value.trim());
    if (!match) throw wrong(`${JSON.stringify(value)} is no size`);
    return Math.floor(Number(match[1]) * 1024 ** ' kmgtp'.indexOf(match[2]!.toLowerCase() || ' '));
  };
  return {
    word: 'bytes',
    absent,
    fromFlag: read,
    fromJson: value => (typeof value === 'number' ? integer(0, 0).fromJson(value) : read(text('').fromJson(value))),
  };
}

export function list(check: (item: string) => string = item => item): ValueType<readonly string[]> {
  return {
    word: 'list',
    absent: [],
    fromFlag: (value, before = []) => [...before, check(value)],
    fromJson(value) {
      if (!Array.isArray(value)) throw wrong('must be a list of strings');
      return value.map(item => check(text('').fromJson(item)));
    },
  };
}

export type TextMap = Readonly<Record<string, string>>;

export function map(): ValueType<TextMap> {
  return {
    word: 'map',
    absent: {},
    fromFlag(value, before = {}) {
      const [key, rest] = cut(value, '=');
      if (rest === undefined || key === '') throw wrong(`${JSON.stringify(value)} is not key=value`);
      return { ...before, [key]: rest };
    },
    fromJson: value => mapValues(value, (_key, item) => text('').fromJson(item)),
  };
}

/** Maps of maps: `bridge=option=value`. */
export function mapOfMaps(): ValueType<Readonly<Record<string, TextMap>>> {
  return {
    word: 'mapmap',
    absent: {},
    fromFlag(value, before = {}) {
      const [outer, rest] = cut(value, '=');
      if (rest === undefined || outer === '') throw wrong(`${JSON.stringify(value)} is not name=key=value`);
      return { ...before, [outer]: map().fromFlag(rest, before[outer]) };
    },
    fromJson: value => mapValues(value, (_key, item) => map().fromJson(item)),
  };
}

export function mapValues<Item>(value: unknown, read: (key: string, item: unknown) => Item): Record<string, Item> {
  if (!isJsonObject(value)) throw wrong('must be an object');
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, read(key, item)]));
}

export const ipAddress = (): ValueType<string> => text('', checkIp);
export const ipAddresses = (): ValueType<readonly string[]> => list(checkIp);

function checkIp(value: string): string {
  if (value !== '' && isIP(value) === 0) throw wrong(`${JSON.stringify(value)} is no IP address`);
  return value;
}

export function label(value: string): string {
  const [key, rest] = cut(value, '=');
  if (key === '' || rest === undefined) throw wrong(`bad attribute format: ${value}`);
  return value;
}

/** A registry's host, host:port, or the network it is in. */
export function registryHost(value: string): string {
  if (/:\/\//.test(value)) throw wrong(`${JSON.stringify(value)} should not have a scheme`);
  if (!/^[\w[][\w.:/[\]-]*$/.test(value) || value.endsWith('-')) throw wrong(`${JSON.stringify(value)} is no registry`);
  return value;
}

export function mirror(value: string): string {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (!url || !/^https?:$/.test(url.protocol))
    throw wrong(`invalid mirror: ${JSON.stringify(value)} is no http(s) URL`);
  if (url.search !== '' || url.hash !== '') throw wrong('invalid mirror: query or fragment at end of the URL');
  if (url.username !== '' || url.password !== '')
    throw wrong('invalid mirror: username/password not allowed in the URL');
  return value;
}

/** The only options of the kind that Docker still has. */
export function cgroupDriverOption(value: string): string {
  const [key, driver] = cut(value, '=');
  if (key.toLowerCase() !== 'native.cgroupdriver') throw wrong(`${JSON.stringify(value)}: there is no such exec-opt`);
  if (driver !== 'systemd' && driver !== 'cgroupfs') {
    throw wrong(`native.cgroupdriver is systemd or cgroupfs, not ${JSON.stringify(driver ?? '')}`);
  }
  return `native.cgroupdriver=${driver}`;
}

export function searchDomain(value: string): string {
  if (value !== '.' && !/^[A-Za-z0-9_]([\w.-]{0,253}[A-Za-z0-9_])?\.?$/.test(value.trim())) {
    throw wrong(`${JSON.stringify(value)} is not a valid domain`);
  }
  return value.trim();
}

/** The text before and after the first separator. */
export function cut(value: string, separator: string): [string, string | undefined] {
  const at = value.indexOf(separator);
  return at < 0 ? [value, undefined] : [value.slice(0, at), value.slice(at + separator.length)];
}

export { wrong };
