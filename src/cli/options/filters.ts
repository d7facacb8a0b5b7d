// `--filter name=value`, any number of times.
import type { Filters } from '../../client/filters.ts';
import type { ConfigFile } from '../framework/config-file.ts';

export type Filter = readonly [name: string, value: string];

/** For the flag's `parse`. */
function readFilter(text: string): Filter {
  const equals = text.indexOf('=');
  if (equals < 0) {
    if (text === '') return ['', ''];
    throw new Error('bad format of filter (expected name=value)');
  }
  return [text.slice(0, equals).trim().toLowerCase(), text.slice(equals + 1).trim()];
}

/** Lists have a short form of it, prunes don't: there `-f` is `--force`. */
export const filterFlag = (summary: string) => ({ type: 'filter', short: 'f', parse: readFilter, summary }) as const;
export const pruneFilterFlag = (summary: string) => ({ type: 'filter', parse: readFilter, summary }) as const;

export function toFilters(given: readonly Filter[]): Record<string, string[]> {
  const filters: Record<string, string[]> = {};
  for (const [name, value] of given) {
    if (name !== '') addFilter(filters, name, value);
  }
  return filters;
}

export function addFilter(filters: Record<string, string[]>, name: string, value: string): void {
  filters[name] = [...(filters[name] ?? []), value];
}

/** The filters of a prune: those of the configuration as well, unless the command line says the opposite of them. */
export function pruneFilters(given: Filters, config: ConfigFile): Record<string, string[]> {
  const filters: Record<string, string[]> = {};
  for (const name in given) filters[name] = [...given[name]!];
  for (const text of config.pruneFilters ?? []) {
    const equals = text.indexOf('=');
    if (equals < 0) continue;
    const [name, value] = [text.slice(0, equals), text.slice(equals + 1)];
    const opposite = { label: 'label!', 'label!': 'label' }[name];
    if (opposite !== undefined && filters[opposite]?.includes(value)) continue;
    addFilter(filters, name, value);
  }
  return filters;
}
