// The `filters` parameter: {"label": ["a", "b=c"]}, or the older {"label": {"a": true, "b=c": true}}.
import { invalid } from '../lib/errors.ts';
import { isJsonObject } from '../lib/json-object.ts';
import type { Query } from './query.ts';

export type Filters = Readonly<Record<string, readonly string[]>>;

/** Throws for a filter that is not in `accepted`. */
export function filtersOf(query: Query, accepted: readonly string[]): Filters {
  const filters = parseFilters(query.text('filters'));
  for (const name of Object.keys(filters)) {
    if (!accepted.includes(name)) throw invalid(`invalid filter '${name}'`);
  }
  return filters;
}

export function parseFilters(text: string): Filters {
  if (text === '') return {};
  const parsed = parseJson(text);
  if (!isJsonObject(parsed)) {
    if (parsed === null) return {};
    throw invalid('invalid filter');
  }
  const filters: Record<string, string[]> = {};
  for (const [name, values] of Object.entries(parsed)) filters[name] = filterValues(values);
  return filters;
}

function filterValues(values: unknown): string[] {
  if (Array.isArray(values)) {
    if (!values.every(value => typeof value === 'string')) throw invalid('invalid filter');
    return [...new Set(values)];
  }
  if (values === null) return [];
  if (!isJsonObject(values) || !Object.values(values).every(value => typeof value === 'boolean')) {
    throw invalid('invalid filter');
  }
  return Object.keys(values);
}

/** A filter that is a yes or a no, like `dangling`; undefined without it. */
export function filterFlag(filters: Filters, name: string): boolean | undefined {
  const values = filters[name];
  if (values === undefined) return undefined;
  const yes = values.includes('1') || values.includes('true');
  const no = values.includes('0') || values.includes('false');
  if (yes === no) throw invalid(`invalid filter '${name}=[${values.join(' ')}]'`);
  return yes;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalid('invalid filter', error);
  }
}
