import { invalid } from '../../lib/errors.ts';
import type { VolumeRecord } from './volume-store.ts';
import type { Filters } from './volumes.ts';

/** Values of one filter are alternatives, except labels, which must all hold. */
export function volumeFilter(
  filters: Filters,
  known: readonly string[],
  inUse: (name: string) => boolean,
): (record: VolumeRecord) => boolean {
  const tests = Object.entries(filters).map(([name, values]) => {
    if (!known.includes(name)) throw invalid(`invalid filter '${name}'`);
    return testFor(name, values, inUse);
  });
  return record => tests.every(test => test(record));
}

function testFor(
  name: string,
  values: readonly string[],
  inUse: (name: string) => boolean,
): (record: VolumeRecord) => boolean {
  switch (name) {
    case 'dangling': {
      const wanted = values.map(value => flag(name, value));
      return record => wanted.includes(!inUse(record.name));
    }
    case 'name':
      return record => values.some(value => record.name.includes(value));
    case 'driver':
      return record => values.includes(record.driver);
    case 'scope':
      return () => values.includes('local');
    case 'label!':
      return record => values.every(value => !hasLabel(record.labels, value));
    default:
      return record => values.every(value => hasLabel(record.labels, value));
  }
}

function flag(name: string, value: string): boolean {
  if (['1', 'true'].includes(value)) return true;
  if (['0', 'false'].includes(value)) return false;
  throw invalid(`invalid filter '${name}=[${value}]'`);
}

function hasLabel(labels: Readonly<Record<string, string>>, filter: string): boolean {
  const equals = filter.indexOf('=');
  return equals < 0 ? filter in labels : labels[filter.slice(0, equals)] === filter.slice(equals + 1);
}
