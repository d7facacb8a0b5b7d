// JSON from strangers, looked into with care.
import { isJsonObject, type JsonObject } from '../lib/json-object.ts';
import { BadSignature } from './signature.ts';

export function parseObject(bytes: Uint8Array, what: string): JsonObject {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    if (isJsonObject(value)) return value;
  } catch {
    // Said below; where the parser stumbled helps nobody.
  }
  throw new BadSignature(`${what} is no JSON object`);
}

export function field(value: unknown, name: string): unknown {
  return isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}
