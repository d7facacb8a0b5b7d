// What plugins answer is somebody else's JSON: read field by field, with a complaint that names the field.
import { failed } from '../lib/errors.ts';
import { isJsonObject } from '../lib/json-object.ts';
import type { Answer } from './client.ts';

/** '' where there is none. */
export function textIn(answer: Answer, field: string): string {
  const value = answer[field] ?? '';
  if (typeof value === 'string') return value;
  throw failed(`a plugin's answer has a ${field} that is no text`);
}

export function flagIn(answer: Answer, field: string): boolean {
  const value = answer[field] ?? false;
  if (typeof value === 'boolean') return value;
  throw failed(`a plugin's answer has a ${field} that is neither true nor false`);
}

export function objectIn(answer: Answer, field: string): Answer | undefined {
  const value = answer[field] ?? undefined;
  if (value === undefined) return undefined;
  if (isJsonObject(value)) return value;
  throw failed(`a plugin's answer has a ${field} that is no object`);
}

export function objectsIn(answer: Answer, field: string): Answer[] {
  const value = answer[field] ?? [];
  if (Array.isArray(value) && value.every(isJsonObject)) return value;
  throw failed(`a plugin's answer has a ${field} that is no list of objects`);
}

/** Only the texts of an object. */
export function textsIn(answer: Answer, field: string): Record<string, string> {
  const entries = Object.entries(objectIn(answer, field) ?? {});
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}
