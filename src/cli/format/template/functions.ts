// The functions every Go template has, and those that Docker adds.
import { equalsAny, isLess } from './compare.ts';
import { FunctionError } from './errors.ts';
import { toJson } from './json.ts';
import { sprint, sprintf, sprintln } from './print.ts';
import { isPrintable } from './quote.ts';
import {
  GoFunction,
  GoMap,
  GoSlice,
  isTrue,
  JsonNumber,
  NilPointer,
  type Parameter,
  typeName,
  type Value,
} from './values.ts';

export type FunctionTable = ReadonlyMap<string, GoFunction>;

function table(functions: readonly GoFunction[]): FunctionTable {
  return new Map(functions.map(fn => [fn.name, fn]));
}

function define(name: string, parameters: readonly Parameter[], call: (...args: Value[]) => Value, variadic = false) {
  return new GoFunction(name, parameters, call, variadic);
}

const onText = (convert: (text: string) => string) => (value: Value) => convert(text(value));

function text(value: Value): string {
  return value instanceof JsonNumber ? value.text : String(value);
}

const builtins = [
  // and, or don't evaluate what they don't need: the executor knows them; called here they have all their arguments.
  define('and', ['any', 'any'], (...args) => args.find(arg => !isTrue(arg)) ?? args.at(-1), true),
  define('or', ['any', 'any'], (...args) => args.find(isTrue) ?? args.at(-1), true),
  define('not', ['any'], value => !isTrue(value)),
  define('eq', ['any', 'any'], (first, ...others) => equalsAny(first, others), true),
  define('ne', ['any', 'any'], (left, right) => !equalsAny(left, [right])),
  define('lt', ['any', 'any'], isLess),
  define('le', ['any', 'any'], (left, right) => isLess(left, right) || equalsAny(left, [right])),
  define('gt', ['any', 'any'], (left, right) => isLess(right, left)),
  define('ge', ['any', 'any'], (left, right) => isLess(right, left) || equalsAny(left, [right])),
  define(
    'index',
    ['any', 'any'],
    (value, ...keys) => (keys.length === 0 ? indexable(value) : keys.reduce(index, value)),
    true,
  ),
  define('slice', ['any', 'any'], (value, ...bounds) => slice(value, bounds), true),
  define('len', ['any'], length),
  define('call', ['any', 'any'], (fn, ...args) => callValue(fn, args), true),
  define('print', ['any'], (...args) => sprint(args), true),
  define('printf', ['string', 'any'], (format, ...args) => sprintf(text(format), args), true),
  define('println', ['any'], (...args) => sprintln(args), true),
  define('html', ['any'], (...args) => escapeHtml(evaluateArgs(args)), true),
  define('js', ['any'], (...args) => escapeJs(evaluateArgs(args)), true),
  define('urlquery', ['any'], (...args) => escapeQuery(evaluateArgs(args)), true),
];

const dockers = [
  define('json', ['any'], toJson),
  define('split', ['string', 'string'], (value, separator) => split(text(value), text(separator))),
  define('join', ['strings', 'string'], (list, separator) =>
    list instanceof GoSlice ? list.items.map(text).join(text(separator)) : '',
  ),
  define('title', ['string'], onText(titleCase)),
  define(
    'lower',
    ['string'],
    onText(value => value.toLowerCase()),
  ),
  define(
    'upper',
    ['string'],
    onText(value => value.toUpperCase()),
  ),
  define('pad', ['string', 'int', 'int'], (value, before, after) => {
    const source = text(value);
    return source === '' ? '' : ' '.repeat(Number(before)) + source + ' '.repeat(Number(after));
  }),
  define('truncate', ['string', 'int'], (value, limit) => {
    const bytes = Buffer.from(text(value));
    return bytes.length < Number(limit) ? text(value) : bytes.subarray(0, Number(limit)).toString();
  }),
];

export const functions: FunctionTable = table([...builtins, ...dockers]);

/** For the header of a table: what shortens or converts a value leaves the column's name alone; `pad` keeps it aligned. */
export const headerFunctions: FunctionTable = table([
  ...builtins,
  ...dockers.map(({ name, parameters, call }) => {
    if (name === 'pad') return define(name, parameters, call);
    const headerParameters = parameters.map((parameter, i): Parameter => (i === 0 ? 'string' : parameter));
    return define(name, headerParameters, value => value);
  }),
]);

function evaluateArgs(args: Value[]): string {
  const [first] = args;
  if (args.length === 1 && typeof first === 'string') return first;
  return sprint(args.map(arg => (arg === undefined ? '<no value>' : arg)));
}

function indexable(value: Value): Value {
  if (value === undefined) throw new FunctionError('index of untyped nil');
  return value;
}

function index(value: Value, key: Value): Value {
  indexable(value);
  if (value instanceof NilPointer) throw new FunctionError('index of nil pointer');
  if (value instanceof GoMap) {
    if (key === undefined) throw new FunctionError(`value is nil; should be of type ${value.keyType}`);
    if (typeof key !== 'string' || value.keyType !== 'string') {
      throw new FunctionError(`value has type ${typeName(key)}; should be ${value.keyType}`);
    }
    return value.entries.has(key) ? value.entries.get(key) : value.zero();
  }
  if (value instanceof GoSlice) {
    const at = position(key, value.items.length);
    if (at === value.items.length) throw new FunctionError('reflect: slice index out of range');
    return value.items[at];
  }
  if (typeof value === 'string') {
    const bytes = Buffer.from(value);
    const at = position(key, bytes.length);
    if (at === bytes.length) throw new FunctionError('reflect: string index out of range');
    return BigInt(bytes[at]!);
  }
  throw new FunctionError(`can't index item of type ${typeName(value)}`);
}

function position(key: Value, size: number): number {
  if (key === undefined) throw new FunctionError('cannot index slice/array with nil');
  if (typeof key !== 'bigint') throw new FunctionError(`cannot index slice/array with type ${typeName(key)}`);
  if (key < 0n || key > BigInt(size)) throw new FunctionError(`index out of range: ${key}`);
  return Number(key);
}

function slice(value: Value, bounds: readonly Value[]): Value {
  if (value === undefined) throw new FunctionError('slice of untyped nil');
  if (bounds.length > 3) throw new FunctionError(`too many slice indexes: ${bounds.length}`);
  if (typeof value !== 'string' && !(value instanceof GoSlice)) {
    throw new FunctionError(`can't slice item of type ${typeName(value)}`);
  }
  if (typeof value === 'string' && bounds.length === 3) throw new FunctionError('cannot 3-index slice a string');
  const bytes = typeof value === 'string' ? Buffer.from(value) : undefined;
  const size = value instanceof GoSlice ? value.items.length : bytes!.length;
  const [from = 0, to = size] = bounds.map(bound => position(bound, size));
  if (from > to) throw new FunctionError(`invalid slice index: ${from} > ${to}`);
  if (value instanceof GoSlice) return new GoSlice(value.items.slice(from, to), false, value.type);
  return bytes!.subarray(from, to).toString();
}

function length(value: Value): bigint {
  if (value === undefined) throw new FunctionError('len of nil pointer');
  if (value instanceof NilPointer) throw new FunctionError('len of nil pointer');
  if (typeof value === 'string') return BigInt(Buffer.byteLength(value));
  if (value instanceof JsonNumber) return BigInt(value.text.length);
  if (value instanceof GoSlice) return BigInt(value.items.length);
  if (value instanceof GoMap) return BigInt(value.entries.size);
  throw new FunctionError(`len of type ${typeName(value)}`);
}

function callValue(fn: Value, args: Value[]): Value {
  if (fn === undefined) throw new FunctionError('call of nil');
  if (!(fn instanceof GoFunction)) throw new FunctionError(`non-function of type ${typeName(fn)}`);
  if (fn.parameters.length !== args.length) {
    throw new FunctionError(`wrong number of args: got ${args.length} want ${fn.parameters.length}`);
  }
  return fn.call(...args);
}

function split(value: string, separator: string): GoSlice {
  return new GoSlice(separator === '' ? [...value] : value.split(separator), false, '[]string');
}

/** Go's strings.Title: the first letter of each word, the rest untouched. ASCII punctuation separates words, other does not. */
function titleCase(value: string): string {
  return value.replace(
    /(^|[\p{White_Space}!-/:-@[-^`{-~])(\p{L})/gu,
    (_, before: string, letter: string) => before + letter.toUpperCase(),
  );
}

const htmlEscapes: Record<string, string> = {
  '"': '&#34;',
  "'": '&#39;',
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '\0': '\uFFFD',
};

function escapeHtml(value: string): string {
  return value.replace(/["'&<>\0]/g, character => htmlEscapes[character]!);
}

const jsEscapes: Record<string, string> = {
  '\\': '\\\\',
  "'": "\\'",
  '"': '\\"',
  '<': '\\u003C',
  '>': '\\u003E',
  '&': '\\u0026',
  '=': '\\u003D',
};

function escapeJs(value: string): string {
  let out = '';
  for (const character of value) {
    const code = character.codePointAt(0)!;
    const escaped = jsEscapes[character];
    if (escaped !== undefined) out += escaped;
    else if (isPrintable(character)) out += character;
    else out += `\\u${code.toString(16).toUpperCase().padStart(4, '0')}`;
  }
  return out;
}

function escapeQuery(value: string): string {
  return encodeURIComponent(value)
    .replace(/[!'()*]/g, character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+');
}
