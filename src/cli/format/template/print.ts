// How Go prints values: Sprint, Sprintln and Sprintf with all verbs, flags, widths and argument numbers.
import { exponential, general, hexadecimal } from '../float.ts';
import { quote, quoteCharacter } from './quote.ts';
import { GoFunction, GoMap, GoSlice, GoStruct, JsonNumber, NilPointer, typeName, type Value } from './values.ts';

/** Go's fmt.Sprint: a space between two operands when neither is a string. */
export function sprint(values: readonly Value[]): string {
  let out = '';
  values.forEach((value, index) => {
    if (index > 0 && typeof value !== 'string' && typeof values[index - 1] !== 'string') out += ' ';
    out += formatValue(value);
  });
  return out;
}

export function sprintln(values: readonly Value[]): string {
  return `${values.map(value => formatValue(value)).join(' ')}\n`;
}

/** Go's %v. */
export function formatValue(value: Value): string {
  return formatVerb({ verb: 'v' }, value, 0);
}

/** What an action prints: a struct behind a pointer as the struct itself. */
export function formatIndirect(value: Value): string {
  const pointed = value instanceof GoStruct && value.options.pointer;
  return formatValue(pointed ? new GoStruct(value.type, value.fields, { ...value.options, pointer: false }) : value);
}

interface Directive {
  verb: string;
  plus?: boolean;
  /** %+v: the names of a struct's fields. */
  names?: boolean;
  minus?: boolean;
  sharp?: boolean;
  space?: boolean;
  zero?: boolean;
  width?: number;
  precision?: number;
}

export function sprintf(format: string, args: readonly Value[]): string {
  let out = '';
  let next = 0;
  let reordered = false;
  // flags, width, precision, verb; width and precision may come from the arguments, and any of them may be numbered.
  const pattern = /%([+\-# 0]*)(\[\d+\])?(\*|\d+)?(?:(\.)(\[\d+\])?(\*|\d+)?)?(\[\d+\])?(.|$)/gsu;
  let end = 0;
  const takeInt = (): number | undefined => {
    const value = args[next++];
    return typeof value === 'bigint' ? Number(value) : undefined;
  };
  for (const match of format.matchAll(pattern)) {
    out += format.slice(end, match.index);
    end = match.index + match[0].length;
    const [, flags = '', widthAt, widthText, dot, precisionAt, precisionText, verbAt, verb = ''] = match;
    const at = (index: string | undefined) => {
      if (index === undefined) return;
      reordered = true;
      next = Number(index.slice(1, -1)) - 1;
    };
    const directive: Directive = {
      verb,
      plus: flags.includes('+') && verb !== 'v',
      names: flags.includes('+') && verb === 'v',
      minus: flags.includes('-'),
      sharp: flags.includes('#'),
      space: flags.includes(' '),
      zero: flags.includes('0') && !flags.includes('-'),
    };
    at(widthAt);
    if (widthText === '*') {
      const width = takeInt();
      if (width === undefined) out += '%!(BADWIDTH)';
      else if (width < 0) directive.minus = true;
      directive.width = width === undefined ? undefined : Math.abs(width);
    } else if (widthText !== undefined) directive.width = Number(widthText);
    if (dot) {
      at(precisionAt);
      directive.precision = 0;
      if (precisionText === '*') {
        const precision = takeInt();
        if (precision === undefined || precision < 0) out += '%!(BADPREC)';
        directive.precision = precision !== undefined && precision >= 0 ? precision : undefined;
      } else if (precisionText !== undefined) directive.precision = Number(precisionText);
    }
    at(verbAt);
    if (verb === '') out += '%!(NOVERB)';
    else if (verb === '%') out += '%';
    else if (next < 0 || next >= args.length) out += `%!${verb}(${reordered ? 'BADINDEX' : 'MISSING'})`;
    else out += formatVerb(directive, args[next++], 0);
  }
  out += format.slice(end);
  if (!reordered && next < args.length) {
    const extra = args
      .slice(next)
      .map(value => (value === undefined ? '<nil>' : `${typeName(value)}=${formatValue(value)}`));
    out += `%!(EXTRA ${extra.join(', ')})`;
  }
  return out;
}

function pad(directive: Directive, text: string): string {
  const missing = (directive.width ?? 0) - [...text].length;
  if (missing <= 0) return text;
  if (directive.minus) return text + ' '.repeat(missing);
  return (directive.zero ? '0' : ' ').repeat(missing) + text;
}

/** Zeros go between the sign and the digits. */
function padNumber(directive: Directive, text: string): string {
  const sign = /^[+-]/.test(text) ? text[0]! : directive.plus ? '+' : directive.space ? ' ' : '';
  const digits = /^[+-]/.test(text) ? text.slice(1) : text;
  const missing = (directive.width ?? 0) - sign.length - digits.length;
  if (directive.zero && missing > 0) return sign + '0'.repeat(missing) + digits;
  return pad({ ...directive, zero: false }, sign + digits);
}

function bad(directive: Directive, value: Value): string {
  if (value === undefined) return `%!${directive.verb}(<nil>)`;
  if (value instanceof NilPointer) return `%!${directive.verb}(${value.type}=<nil>)`;
  return `%!${directive.verb}(${typeName(value)}=${formatVerb({ ...directive, verb: 'v' }, value, 0)})`;
}

function formatVerb(directive: Directive, value: Value, depth: number): string {
  if (directive.verb === 'T') return pad(directive, typeName(value));
  if (value === undefined || value instanceof NilPointer) {
    return directive.verb === 'v' || (value === undefined && depth > 0)
      ? pad(directive, '<nil>')
      : bad(directive, value);
  }
  switch (typeof value) {
    case 'boolean':
      return directive.verb === 't' || directive.verb === 'v' ? pad(directive, String(value)) : bad(directive, value);
    case 'string':
      return formatString(directive, value) ?? bad(directive, value);
    case 'bigint':
      return formatInteger(directive, value) ?? bad(directive, value);
    case 'number':
      return formatFloat(directive, value) ?? bad(directive, value);
  }
  if (value instanceof JsonNumber) return formatString(directive, value.text) ?? bad(directive, value);
  if (value instanceof GoFunction) return pad(directive, '0x0');
  return formatComposite(directive, value, depth);
}

function formatComposite(directive: Directive, value: GoSlice | GoMap | GoStruct, depth: number): string {
  const plain = directive.verb === 'v' && directive.sharp === true;
  const inner = (item: Value) => formatVerb(directive, item, depth + 1);
  if (value instanceof GoSlice) {
    if (plain) return value.isNil ? `${value.type}(nil)` : `${value.type}{${value.items.map(inner).join(', ')}}`;
    return `[${value.items.map(inner).join(' ')}]`;
  }
  if (value instanceof GoMap) {
    if (plain && value.isNil) return `${value.type}(nil)`;
    const entries = value.sortedKeys().map(key => `${inner(key)}:${inner(value.entries.get(key))}`);
    return plain ? `${value.type}{${entries.join(', ')}}` : `map[${entries.join(' ')}]`;
  }
  const text = value.options.text;
  if (text !== undefined && !plain) return formatString(directive, text) ?? bad(directive, text);
  const named = directive.names || plain;
  const fields = value.fields.map(field => (named ? `${field.name}:${inner(field.value)}` : inner(field.value)));
  const pointer = value.options.pointer ? '&' : '';
  return plain ? `${pointer}${value.type}{${fields.join(', ')}}` : `${pointer}{${fields.join(' ')}}`;
}

function formatString(directive: Directive, text: string): string | undefined {
  const cut = directive.precision === undefined ? text : [...text].slice(0, directive.precision).join('');
  switch (directive.verb) {
    case 'v':
      return pad(directive, directive.sharp ? quote(text) : cut);
    case 's':
      return pad(directive, cut);
    case 'q': {
      const raw = directive.sharp && !/[`\x00-\x08\x0a-\x1f\x7f]/.test(cut);
      return pad(directive, raw ? `\`${cut}\`` : quote(cut, directive.plus));
    }
    case 'x':
    case 'X': {
      const bytes = Buffer.from(text).subarray(0, directive.precision);
      const prefix = directive.sharp && bytes.length > 0 ? '0x' : '';
      const hex = directive.space
        ? [...bytes].map(byte => prefix + byte.toString(16).padStart(2, '0')).join(' ')
        : prefix + bytes.toString('hex');
      return pad(directive, directive.verb === 'X' ? hex.toUpperCase() : hex);
    }
    default:
      return undefined;
  }
}

const bases: Record<string, { radix: number; prefix: string }> = {
  v: { radix: 10, prefix: '' },
  d: { radix: 10, prefix: '' },
  b: { radix: 2, prefix: '0b' },
  o: { radix: 8, prefix: '0' },
  O: { radix: 8, prefix: '' },
  x: { radix: 16, prefix: '0x' },
  X: { radix: 16, prefix: '0X' },
};

function formatInteger(directive: Directive, value: bigint): string | undefined {
  const { verb } = directive;
  if (verb === 'c') return pad(directive, String.fromCodePoint(validCodePoint(value)));
  if (verb === 'q') return pad(directive, quoteCharacter(value, directive.plus));
  if (verb === 'U') {
    const hex = value
      .toString(16)
      .toUpperCase()
      .padStart(directive.precision ?? 4, '0');
    const shown = directive.sharp ? ` '${String.fromCodePoint(validCodePoint(value))}'` : '';
    return pad({ ...directive, zero: false }, `U+${hex}${shown}`);
  }
  const base = bases[verb];
  if (!base) return undefined;
  const negative = value < 0n;
  let digits = (negative ? -value : value).toString(base.radix);
  if (verb === 'X') digits = digits.toUpperCase();
  if (directive.precision !== undefined) {
    digits = directive.precision === 0 && value === 0n ? '' : digits.padStart(directive.precision, '0');
  }
  const prefix = verb === 'O' ? '0o' : directive.sharp && verb !== 'v' ? base.prefix : '';
  const exact = directive.precision === undefined ? directive : { ...directive, zero: false };
  return padNumber(exact, (negative ? '-' : '') + prefix + digits);
}

function validCodePoint(value: bigint): number {
  return value >= 0n && value <= 0x10ffffn ? Number(value) : 0xfffd;
}

function formatFloat(directive: Directive, value: number): string | undefined {
  const { verb, precision } = directive;
  const finite = Number.isFinite(value);
  const withZero = finite ? directive : { ...directive, zero: false };
  const render = (text: string) => padNumber(withZero, finite || directive.plus ? text : text.replace('+', ''));
  const infinite = (otherwise: () => string) => (finite ? otherwise() : general(value));
  switch (verb) {
    case 'v':
      return padNumber(withZero, general(value, precision));
    case 'g':
    case 'G': {
      const text = general(value, precision);
      return padNumber(withZero, verb === 'G' ? text.toUpperCase() : text);
    }
    case 'e':
    case 'E': {
      const text = infinite(() => exponential(value, precision ?? 6));
      return render(verb === 'E' ? text.toUpperCase() : text);
    }
    case 'x':
    case 'X': {
      const text = infinite(() => hexadecimal(value));
      return render(verb === 'X' ? text.toUpperCase() : text);
    }
    case 'f':
    case 'F':
      return render(infinite(() => fixed(value, precision ?? 6)));
    default:
      return undefined;
  }
}

/** toFixed leaves fixed notation at 1e21; Go never does. */
function fixed(value: number, digits: number): string {
  if (Math.abs(value) < 1e21) return value.toFixed(Math.min(digits, 100));
  const whole = BigInt(value).toString();
  return digits > 0 ? `${whole}.${'0'.repeat(digits)}` : whole;
}
