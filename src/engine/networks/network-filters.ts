// Filters of `network ls` and `network prune`.
import { invalid } from '../../lib/errors.ts';
import { hasLabel, matchesPattern } from '../../lib/filter-text.ts';
import { parseTimestamp } from '../../lib/timestamp.ts';
import type { Filters } from './networks.ts';
import type { NetworkRecord } from './record.ts';

const LISTED = ['dangling', 'driver', 'id', 'label', 'name', 'scope', 'type'];
const PRUNED = ['label', 'label!', 'until'];
const PREDEFINED = ['bridge', 'host', 'none'];

export const isPredefinedNetwork = (network: Pick<NetworkRecord, 'name'>) => PREDEFINED.includes(network.name);

type IsUsed = (network: NetworkRecord) => boolean;

export function listFilter(filters: Filters, isUsed: IsUsed): (network: NetworkRecord) => boolean {
  return compile(filters, LISTED, isUsed);
}

/** Those that nobody uses and that are not always there. */
export function pruneFilter(filters: Filters, isUsed: IsUsed): (network: NetworkRecord) => boolean {
  const passes = compile(filters, PRUNED, isUsed);
  return network => !isPredefinedNetwork(network) && !isUsed(network) && passes(network);
}

function compile(filters: Filters, known: readonly string[], isUsed: IsUsed): (network: NetworkRecord) => boolean {
  const tests = Object.entries(filters).map(([name, values]) => {
    if (!known.includes(name)) throw invalid(`invalid filter '${name}'`);
    return testFor(name, values, isUsed);
  });
  return network => tests.every(test => test(network));
}

function testFor(name: string, values: readonly string[], isUsed: IsUsed): (network: NetworkRecord) => boolean {
  switch (name) {
    case 'driver':
      return network => values.includes(network.driver);
    case 'scope':
      return network => values.includes(network.scope);
    case 'id':
      return network => values.some(value => matchesPattern(network.id, value));
    case 'name':
      return network => values.some(value => matchesPattern(network.name, value));
    case 'label':
      return network => values.every(value => hasLabel(network.labels, value));
    case 'label!':
      return network => !values.every(value => hasLabel(network.labels, value));
    case 'dangling':
      return danglingTest(values, isUsed);
    case 'type':
      for (const value of values) {
        if (value !== 'builtin' && value !== 'custom') throw invalid(`invalid filter: 'type'='${value}'`);
      }
      return network => values.includes(isPredefinedNetwork(network) ? 'builtin' : 'custom');
    case 'until': {
      if (values.length !== 1) throw invalid('more than one until filter specified');
      const until = parseTimestamp(values[0]!).toISOString();
      return network => network.created <= until;
    }
    default:
      throw invalid(`invalid filter '${name}'`);
  }
}

function danglingTest(values: readonly string[], isUsed: IsUsed): (network: NetworkRecord) => boolean {
  if (values.length > 1) throw invalid('got more than one value for filter key "dangling"');
  const [value] = values;
  if (value !== '1' && value !== 'true' && value !== '0' && value !== 'false') {
    throw invalid(`invalid value for filter 'dangling', must be "true" (or "1"), or "false" (or "0")`);
  }
  const wanted = value === '1' || value === 'true';
  return network => (isPredefinedNetwork(network) || isUsed(network)) !== wanted;
}
