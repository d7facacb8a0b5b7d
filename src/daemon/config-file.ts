// daemon.json.
import { readFileSync } from 'node:fs';
import { errnoOf, invalid, messageOf } from '../lib/errors.ts';
import { isJsonObject, type JsonObject } from '../lib/json-object.ts';
import { keyOf, type OptionName, optionNames, optionTable, type Settings } from './options.ts';
import { isWrongValue } from './value-types.ts';

/** Objects that only group keys, which may as well stand alone. */
const GROUPS = ['proxies'];

const byKey = new Map<string, OptionName>();
for (const name of optionNames) {
  const key = keyOf(optionTable[name]);
  if (key !== undefined) byKey.set(key, name);
  const { oldKey } = optionTable[name];
  if (oldKey !== undefined) byKey.set(oldKey, name);
}

/** What the file sets; undefined if there is none, which is only wrong when it was asked for. */
export function readConfigFile(path: string, asked: boolean): Partial<Settings> | undefined {
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' && !asked) return undefined;
    throw invalid(`unable to configure the Docker daemon with file ${path}: ${messageOf(error)}`, error);
  }
  try {
    return parseConfig(content);
  } catch (error) {
    throw invalid(`unable to configure the Docker daemon with file ${path}: ${messageOf(error)}`, error);
  }
}

export function parseConfig(content: string): Partial<Settings> {
  const trimmed = content.replace(/^\uFEFF/, '').trim();
  if (trimmed === '') return {};
  const entries = flatten(parseJson(trimmed));
  const unknown = entries.map(([key]) => key).filter(key => !byKey.has(key));
  if (unknown.length > 0) {
    throw invalid(`the following directives don't match any configuration option: ${unknown.join(', ')}`);
  }
  const settings: Partial<Record<OptionName, unknown>> = {};
  for (const [key, value] of entries) {
    const name = byKey.get(key)!;
    if (name in settings) throw invalid(`${key} is given twice under different names`);
    settings[name] = read(key, name, value);
  }
  return settings as Partial<Settings>;
}

function read(key: string, name: OptionName, value: unknown): unknown {
  const { type, unbuilt, oldKey } = optionTable[name];
  // Its shape may be anything; whoever merges the settings refuses it by its name.
  if (unbuilt === 'always') return value;
  try {
    return type.fromJson(key === oldKey ? [value] : value);
  } catch (error) {
    if (!isWrongValue(error)) throw error;
    throw invalid(`${key}: ${error.message}`);
  }
}

function parseJson(content: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (error) {
    throw invalid(`invalid JSON: ${messageOf(error).replace(/^JSON Parse error: /, '')}`, error);
  }
  if (!isJsonObject(value)) throw invalid('invalid JSON: not an object');
  return value;
}

function flatten(config: Record<string, unknown>): [string, unknown][] {
  return Object.entries(config).flatMap(([key, value]) => {
    if (!GROUPS.includes(key)) return [[key, value] satisfies [string, unknown]];
    if (typeof value !== 'object' || value === null) throw invalid(`${key}: must be an object`);
    return Object.entries(value) as [string, unknown][];
  });
}
