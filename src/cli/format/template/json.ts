// Go's encoding/json: reading keeps what JavaScript's parser loses (exact numbers, the order of keys), writing sorts maps.

import { general } from '../float.ts';
import { FunctionError } from './errors.ts';
import { GoFunction, GoMap, GoSlice, GoStruct, JsonNumber, NilPointer, type Value } from './values.ts';

/** Parses JSON into untyped Go values, as the fallback of `docker inspect --format` sees an object. */
export function parseJson(text: string): Value {
  const reader = new JsonReader(text);
  const value = reader.value();
  reader.end();
  return value;
}

class JsonReader {
  #at = 0;

  constructor(private readonly text: string) {}

  value(): Value {
    this.#space();
    switch (this.text[this.#at]) {
      case '{':
        return this.#object();
      case '[':
        return this.#array();
      case '"':
        return this.#string();
      case 't':
        return this.#word('true', true);
      case 'f':
        return this.#word('false', false);
      case 'n':
        return this.#word('null', undefined);
      default: {
        const number = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
        number.lastIndex = this.#at;
        const match = number.exec(this.text);
        if (!match) throw this.#error();
        this.#at += match[0].length;
        return new JsonNumber(match[0]);
      }
    }
  }

  end(): void {
    this.#space();
    if (this.#at < this.text.length) throw this.#error();
  }

  #error(): SyntaxError {
    const found = this.text[this.#at];
    return new SyntaxError(
      found === undefined
        ? 'unexpected end of JSON input'
        : `invalid character '${found}' at position ${this.#at} of the JSON text`,
    );
  }

  #space(): void {
    while (' \t\r\n'.includes(this.text[this.#at] ?? 'x')) this.#at++;
  }

  #word<T>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.#at)) throw this.#error();
    this.#at += word.length;
    return value;
  }

  #string(): string {
    const literal = /"(?:[^"\\]|\\.)*"/y;
    literal.lastIndex = this.#at;
    const match = literal.exec(this.text);
    if (!match) throw this.#error();
    this.#at += match[0].length;
    const parsed: unknown = JSON.parse(match[0]);
    return String(parsed);
  }

  #next(close: string): boolean {
    this.#space();
    const c = this.text[this.#at];
    if (c !== ',' && c !== close) throw this.#error();
    this.#at++;
    return c === ',';
  }

  #array(): GoSlice {
    const items: Value[] = [];
    this.#at++;
    this.#space();
    if (this.text[this.#at] === ']') {
      this.#at++;
      return new GoSlice(items);
    }
    do items.push(this.value());
    while (this.#next(']'));
    return new GoSlice(items);
  }

  #object(): GoMap {
    const entries = new Map<string, Value>();
    this.#at++;
    this.#space();
    if (this.text[this.#at] === '}') {
      this.#at++;
      return new GoMap(entries);
    }
    do {
      this.#space();
      if (this.text[this.#at] !== '"') throw this.#error();
      const key = this.#string();
      this.#space();
      if (this.text[this.#at] !== ':') throw this.#error();
      this.#at++;
      entries.set(key, this.value());
    } while (this.#next('}'));
    return new GoMap(entries);
  }
}

/** What `{{json .}}` prints: compact, maps sorted by key, structs in the order of their fields. */
export function toJson(value: Value): string {
  if (value === undefined || value instanceof NilPointer) return 'null';
  switch (typeof value) {
    case 'string':
      return jsonString(value);
    case 'boolean':
    case 'bigint':
      return String(value);
    case 'number':
      if (!Number.isFinite(value)) throw new FunctionError(`json: unsupported value: ${general(value)}`);
      return jsonFloat(value);
  }
  if (value instanceof JsonNumber) return value.text;
  if (value instanceof GoFunction) throw new FunctionError('json: unsupported type: func()');
  if (value instanceof GoSlice) return value.isNil ? 'null' : `[${value.items.map(toJson).join(',')}]`;
  if (value instanceof GoMap) {
    if (value.isNil) return 'null';
    return `{${value
      .sortedKeys()
      .map(key => `${jsonString(key)}:${toJson(value.entries.get(key))}`)
      .join(',')}}`;
  }
  if (value.options.json) return value.options.json();
  return `{${structMembers(value).join(',')}}`;
}

function structMembers(value: GoStruct): string[] {
  const members: string[] = [];
  for (const field of value.fields) {
    if (field.embedded) {
      if (field.value instanceof GoStruct) members.push(...structMembers(field.value));
      continue;
    }
    if (field.json === undefined || (field.omitEmpty && isEmpty(field.value))) continue;
    members.push(`${jsonString(field.json)}:${toJson(field.value)}`);
  }
  return members;
}

/** Empty for `omitempty`: a struct never is. */
function isEmpty(value: Value): boolean {
  if (
    value === undefined ||
    value instanceof NilPointer ||
    value === '' ||
    value === false ||
    value === 0n ||
    value === 0
  )
    return true;
  if (value instanceof GoSlice) return value.items.length === 0;
  if (value instanceof GoMap) return value.entries.size === 0;
  return value instanceof GoStruct && value.options.isEmpty === true;
}

function jsonString(text: string): string {
  // JSON.stringify differs from Go in these: Go escapes the line separators, and has \b and \f since 1.22.
  return JSON.stringify(text).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
}

function jsonFloat(value: number): string {
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  // Both use exponents from 1e21 on and below 1e-6; Go pads none of its exponents here.
  return String(value);
}
