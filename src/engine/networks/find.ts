// Which network a name, an id or the beginning of an id means.
import { invalid, notFound } from '../../lib/errors.ts';
import type { NetworkRecord } from './record.ts';
import type { NetworkStore } from './store.ts';

export const noSuchNetwork = (reference: string) => notFound(`network ${reference} not found`);

/** Undefined when there is none; throws when there are several. */
export function findNetwork(store: NetworkStore, reference: string): NetworkRecord | undefined {
  if (reference === '') throw notFound(`network ${reference} not found`);
  const named: NetworkRecord[] = [];
  const beginning: NetworkRecord[] = [];
  for (const network of store.networks) {
    if (network.id === reference) return network;
    if (network.name === reference) named.push(network);
    if (network.id.startsWith(reference)) beginning.push(network);
  }
  if (named.length === 1) return named[0];
  if (named.length > 1) throw ambiguous(reference, named.length, 'name');
  if (beginning.length > 1) throw ambiguous(reference, beginning.length, 'ID prefix');
  return beginning[0];
}

export function requireNetwork(store: NetworkStore, reference: string): NetworkRecord {
  const network = findNetwork(store, reference);
  if (!network) throw noSuchNetwork(reference);
  return network;
}

const ambiguous = (reference: string, matches: number, basis: string) =>
  invalid(`network ${reference} is ambiguous (${matches} matches found based on ${basis})`);
