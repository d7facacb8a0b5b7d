// The values a template works on, as Go would see them. JavaScript alone can't say whether 3 is an int or a float, whether a
// map is nil, or which fields a struct has that its JSON leaves out; templates can tell all of these apart.

/**
 * `undefined` is an absent value or a nil interface ("<no value>"), `bigint` any Go integer, `number` a float64.
 */
export type Value =
  | undefined
  | string
  | boolean
  | bigint
  | number
  | JsonNumber
  | NilPointer
  | GoSlice
  | GoMap
  | GoStruct
  | GoFunction;

/** A number of untyped JSON: Go keeps its text, and to a template it is a string. */
export class JsonNumber {
  constructor(readonly text: string) {}
}

/** A nil pointer of a known type: prints as "<nil>". */
export class NilPointer {
  constructor(readonly type: string) {}
}

export class GoSlice {
  constructor(
    readonly items: readonly Value[],
    readonly isNil = false,
    readonly type = '[]interface {}',
  ) {}
}

export class GoMap {
  constructor(
    readonly entries: ReadonlyMap<string, Value>,
    readonly isNil = false,
    readonly type = 'map[string]interface {}',
    /** What `index` gives for a key that isn't there. */
    readonly zero: () => Value = () => undefined,
    readonly keyType = 'string',
  ) {}

  sortedKeys(): string[] {
    return [...this.entries.keys()].sort(compareStrings);
  }
}

/** What a parameter of a function or method takes. */
export type Parameter = 'any' | 'string' | 'int' | 'strings';

export class GoFunction {
  constructor(
    readonly name: string,
    readonly parameters: readonly Parameter[],
    readonly call: (...args: Value[]) => Value,
    /** The last parameter may be given any number of times. */
    readonly variadic = false,
  ) {}
}

export interface StructField {
  name: string;
  value: Value;
  /** Its name in JSON; undefined when JSON leaves it out. */
  json?: string;
  omitEmpty?: boolean;
  /** The fields of an embedded struct count as the outer struct's own. */
  embedded?: boolean;
}

export interface StructOptions {
  method?: (name: string) => GoFunction | undefined;
  /** What printing shows instead of the fields: Go's String method. */
  text?: string;
  /** Its JSON, instead of that of the fields: Go's MarshalJSON. */
  json?: () => string;
  /** JSON leaves it out where that is said of empty fields. */
  isEmpty?: boolean;
  /** Held by a pointer: functions print it with & in front of its fields. */
  pointer?: boolean;
}

export const noMember = Symbol('no such field or method');

export class GoStruct {
  constructor(
    readonly type: string,
    readonly fields: readonly StructField[],
    readonly options: StructOptions = {},
  ) {}

  /** A field or a method; `noMember` when the type has neither. */
  member(name: string): Value | typeof noMember {
    const method = this.options.method?.(name);
    if (method) return method;
    for (const field of this.fields) if (field.name === name) return field.value;
    for (const field of this.fields) {
      if (!field.embedded || !(field.value instanceof GoStruct)) continue;
      const found = field.value.member(name);
      if (found !== noMember) return found;
    }
    return noMember;
  }
}

/** Go compares strings by their bytes; UTF-16 order differs only beyond the basic plane. */
function compareStrings(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Whether `if`, `and`, `or`, `not` take it as true. */
export function isTrue(value: Value): boolean {
  if (value === undefined || value instanceof NilPointer) return false;
  if (value instanceof JsonNumber) return value.text !== '';
  if (value instanceof GoSlice) return value.items.length > 0;
  if (value instanceof GoMap) return value.entries.size > 0;
  if (value instanceof GoStruct || value instanceof GoFunction) return true;
  return Boolean(value);
}

/** Go's name of the value's type, for %T and for error messages. */
export function typeName(value: Value): string {
  switch (typeof value) {
    case 'undefined':
      return '<nil>';
    case 'string':
      return 'string';
    case 'boolean':
      return 'bool';
    case 'bigint':
      return 'int';
    case 'number':
      return 'float64';
  }
  if (value instanceof JsonNumber) return 'json.Number';
  if (value instanceof GoStruct) return (value.options.pointer ? '*' : '') + value.type;
  if (value instanceof GoFunction) return 'func()';
  return value.type;
}
