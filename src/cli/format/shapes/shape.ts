// The types of the Engine API's objects as Go clients declare them: which fields there are, in which order, and what stands for
// the ones that JSON leaves out. `docker inspect --format '{{.State}}'` prints by these, and scripts read it.
import { toJson } from '../template/json.ts';
import { GoMap, GoSlice, GoStruct, isTrue, JsonNumber, NilPointer, type Value } from '../template/values.ts';
import { durationText, timeText } from '../time-text.ts';

export type Shape =
  | 'string'
  | 'bool'
  | 'int'
  | 'float'
  | 'any'
  | 'time'
  | 'duration'
  | { slice: Shape; type: string; length?: number }
  | { map: Shape; type: string; key?: string }
  | { pointer: Shape }
  | StructShape;

export interface FieldShape {
  shape: Shape;
  /** Its name in JSON, where that isn't the field's own. */
  json?: string;
  omitEmpty?: boolean;
  embedded?: boolean;
}

export interface StructShape {
  struct: string;
  /** Its JSON is what came, with sorted keys. */
  plainJson?: boolean;
  fields: Readonly<Record<string, Shape | FieldShape>>;
}

const goNames: Record<string, string> = {
  string: 'string',
  bool: 'bool',
  int: 'int64',
  float: 'float64',
  any: 'interface {}',
  time: 'time.Time',
  duration: 'time.Duration',
};

export function struct(name: string, fields: StructShape['fields']): StructShape {
  return { struct: name, fields };
}

export const sliceOf = (shape: Shape): Shape => ({ slice: shape, type: `[]${nameOf(shape)}` });
export const mapOf = (shape: Shape, key = 'string'): Shape => ({
  map: shape,
  type: `map[${key}]${nameOf(shape)}`,
  key,
});
export const pointerTo = (shape: Shape): Shape => ({ pointer: shape });
/** Left out of JSON when it is empty. */
export const optional = (shape: Shape, json?: string): FieldShape => ({ shape, json, omitEmpty: true });
export const renamed = (shape: Shape, json: string): FieldShape => ({ shape, json });
/** The fields of an embedded struct count as its owner's. */
export const embedded = (shape: Shape): FieldShape => ({ shape, embedded: true });

export const strings = sliceOf('string');
export const stringMap = mapOf('string');

function nameOf(shape: Shape): string {
  if (typeof shape === 'string') return goNames[shape]!;
  if ('struct' in shape) return shape.struct;
  if ('pointer' in shape) return `*${nameOf(shape.pointer)}`;
  return shape.type;
}

/** Parsed JSON as a value of the shape. What is missing or of another kind becomes the shape's zero value, as in Go. */
export function decode(shape: Shape, json: Value): Value {
  switch (shape) {
    case 'string':
      return typeof json === 'string' ? json : '';
    case 'bool':
      return json === true;
    case 'int':
      return json instanceof JsonNumber && /^-?\d+$/.test(json.text) ? BigInt(json.text) : 0n;
    case 'float':
      return json instanceof JsonNumber ? Number(json.text) : 0;
    case 'any':
      return untyped(json);
    case 'time': {
      const text = typeof json === 'string' ? json : '0001-01-01T00:00:00Z';
      return new GoStruct('time.Time', [], { text: timeText(text), json: () => toJson(text) });
    }
    case 'duration': {
      const nanoseconds = json instanceof JsonNumber && /^-?\d+$/.test(json.text) ? BigInt(json.text) : 0n;
      return new GoStruct('time.Duration', [], {
        text: durationText(nanoseconds),
        json: () => String(nanoseconds),
        isEmpty: nanoseconds === 0n,
      });
    }
  }
  if ('slice' in shape) {
    if (!(json instanceof GoSlice)) {
      // An array of fixed length is never nil.
      const zeros = Array.from({ length: shape.length ?? 0 }, () => decode(shape.slice, undefined));
      return new GoSlice(zeros, shape.length === undefined, shape.type);
    }
    return new GoSlice(
      json.items.map(item => decode(shape.slice, item)),
      false,
      shape.type,
    );
  }
  if ('map' in shape) {
    const zero = () => decode(shape.map, undefined);
    if (!(json instanceof GoMap)) return new GoMap(new Map(), true, shape.type, zero, shape.key);
    const entries = new Map<string, Value>();
    for (const [key, value] of json.entries) entries.set(key, decode(shape.map, value));
    return new GoMap(entries, false, shape.type, zero, shape.key);
  }
  if ('pointer' in shape) {
    if (json === undefined) return new NilPointer(nameOf(shape));
    const value = decode(shape.pointer, json);
    return value instanceof GoStruct && value.options.text === undefined
      ? new GoStruct(value.type, value.fields, { ...value.options, pointer: true })
      : value;
  }
  return decodeStruct(shape, json);
}

function decodeStruct(shape: StructShape, json: Value): GoStruct {
  const entries: ReadonlyMap<string, Value> = json instanceof GoMap ? json.entries : new Map<string, Value>();
  const fields = Object.entries(shape.fields).map(([name, entry]) => {
    const field: FieldShape = typeof entry === 'object' && 'shape' in entry ? entry : { shape: entry };
    const jsonName = field.json ?? name;
    const value = field.embedded ? decode(field.shape, json) : decode(field.shape, entries.get(jsonName));
    return { name, value, json: jsonName, omitEmpty: field.omitEmpty, embedded: field.embedded };
  });
  return new GoStruct(
    shape.struct,
    fields,
    shape.plainJson ? { json: () => toJson(withoutEmpty(shape, entries)) } : {},
  );
}

/** What came, less the fields that are left out when they are empty. */
function withoutEmpty(shape: StructShape, entries: ReadonlyMap<string, Value>): GoMap {
  const kept = [...entries].filter(([name, value]) => {
    const field = shape.fields[name];
    const omits = typeof field === 'object' && 'shape' in field && field.omitEmpty;
    return !omits || (value instanceof GoSlice ? value.items.length > 0 : isTrue(value));
  });
  return new GoMap(new Map(kept));
}

/** JSON in a field of type `any`: numbers are floats. */
function untyped(json: Value): Value {
  if (json instanceof JsonNumber) return Number(json.text);
  if (json instanceof GoSlice) return new GoSlice(json.items.map(untyped));
  if (!(json instanceof GoMap)) return json;
  return new GoMap(new Map([...json.entries].map(([key, value]) => [key, untyped(value)])));
}
