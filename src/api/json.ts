// JSON request bodies: checked against the shapes that are generated from the API's description, so that a handler
// gets what its types promise. Read as Docker reads them: field names in any case, null is as good as absent, unknown
// fields are ignored.
import { invalid } from '../lib/errors.ts';
import { isJsonObject, type JsonObject } from '../lib/json-object.ts';
import { type RequestBodies, type Shape, type ShapeName, shapes } from '../wire/shapes.ts';
import type { HttpRequest } from './http/message.ts';

const MAX_BODY = 16 * 1024 * 1024;

/** An empty body is an empty object. */
export async function readJson<Name extends keyof RequestBodies>(
  request: Pick<HttpRequest, 'headers' | 'body' | 'bodyLength'>,
  name: Name,
): Promise<RequestBodies[Name]> {
  checkContentType(request);
  const bytes = await collectBounded(request.body);
  if (bytes.length === 0) return {} as RequestBodies[Name];
  return decode(name, parse(bytes));
}

export function decode<Name extends keyof RequestBodies>(name: Name, value: unknown): RequestBodies[Name] {
  return (check(shapes[name], value ?? {}, '') ?? {}) as RequestBodies[Name];
}

function checkContentType({ headers, bodyLength }: Pick<HttpRequest, 'headers' | 'bodyLength'>): void {
  const type = headers.get('content-type');
  if ((type === undefined || type === '') && bodyLength === 0) return;
  const [media = ''] = (type ?? '').split(';');
  if (media.trim().toLowerCase() === 'application/json') return;
  if (!/^[\w!#$&^.+-]+(\/[\w!#$&^.+-]+)?\s*$/.test(media)) {
    throw invalid(`malformed Content-Type header (${type ?? ''})`);
  }
  throw invalid(`unsupported Content-Type header (${type}): must be 'application/json'`);
}

async function collectBounded(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of source) {
    length += chunk.length;
    if (length > MAX_BODY) throw invalid(`request body is larger than ${MAX_BODY} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    if (error instanceof SyntaxError)
      throw invalid(`invalid JSON: ${error.message.replace(/^JSON Parse error: /, '')}`);
    throw error;
  }
}

function check(shape: Shape, value: unknown, path: string): unknown {
  switch (shape) {
    case 'any':
      return value;
    case 'string':
      if (typeof value === 'string') return value;
      throw wrongType(path, 'a string', value);
    case 'boolean':
      if (typeof value === 'boolean') return value;
      throw wrongType(path, 'a boolean', value);
    case 'number':
      if (typeof value === 'number') return value;
      throw wrongType(path, 'a number', value);
    case 'integer':
      if (typeof value === 'number' && Number.isInteger(value)) return value;
      throw wrongType(path, 'an integer', value);
    case 'words':
      return typeof value === 'string' ? [value] : check({ list: 'string' }, value, path);
  }
  if ('ref' in shape) return check(shapes[shape.ref], value, path);
  if ('list' in shape) return checkList(shape.list, value, path);
  if (!isJsonObject(value)) throw wrongType(path, 'an object', value);
  if ('map' in shape) return checkMap(shape.map, value, path);
  return checkFields(fieldsOf(shape), value, path);
}

function checkList(item: Shape, value: unknown, path: string): unknown[] {
  if (!Array.isArray(value)) throw wrongType(path, 'an array', value);
  return value.map((each, index) => (each === null ? zero(item) : check(item, each, `${path}[${index}]`)));
}

function checkMap(item: Shape, value: JsonObject, path: string): JsonObject {
  const result: JsonObject = {};
  for (const [key, each] of Object.entries(value)) {
    result[key] = each === null ? zero(item) : check(item, each, `${path}[${JSON.stringify(key)}]`);
  }
  return result;
}

function checkFields(fields: ReadonlyMap<string, { name: string; shape: Shape }>, value: JsonObject, path: string) {
  const result: JsonObject = {};
  for (const [key, each] of Object.entries(value)) {
    const field = fields.get(key.toLowerCase());
    if (!field || each === null) continue;
    result[field.name] = check(field.shape, each, path === '' ? field.name : `${path}.${field.name}`);
  }
  return result;
}

/** What null stands for inside a list or a map. */
function zero(shape: Shape): unknown {
  switch (shape) {
    case 'any':
      return {};
    case 'string':
      return '';
    case 'boolean':
      return false;
    case 'number':
    case 'integer':
      return 0;
    case 'words':
      return [];
  }
  if ('ref' in shape) return zero(shapes[shape.ref]);
  return 'list' in shape ? [] : {};
}

const fieldTables = new WeakMap<object, Map<string, { name: string; shape: Shape }>>();

/** The fields of an object by their names in lower case; several objects in one are put together. */
function fieldsOf(shape: Exclude<Shape, string>): Map<string, { name: string; shape: Shape }> {
  const known = fieldTables.get(shape);
  if (known) return known;
  const table = new Map<string, { name: string; shape: Shape }>();
  if ('fields' in shape) {
    for (const [name, field] of Object.entries(shape.fields)) table.set(name.toLowerCase(), { name, shape: field });
  } else if ('all' in shape) {
    for (const part of shape.all) for (const [key, field] of fieldsOf(resolved(part))) table.set(key, field);
  }
  fieldTables.set(shape, table);
  return table;
}

function resolved(shape: Shape): Exclude<Shape, string> {
  if (typeof shape === 'string') throw new Error(`${shape} has no fields`);
  return 'ref' in shape ? resolved(shapes[shape.ref satisfies ShapeName]) : shape;
}

function wrongType(path: string, wanted: string, value: unknown): Error {
  const where = path === '' ? 'the body' : `field ${path}`;
  return invalid(`invalid JSON: ${where} must be ${wanted}, not ${describe(value)}`);
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object') return 'an object';
  return typeof value === 'number' ? `the number ${value}` : `a ${typeof value}`;
}
