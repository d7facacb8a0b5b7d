// The host's /etc/hosts, as entries: a container in the host's namespace gets them.
import { readFileSync } from 'node:fs';
import { errnoOf } from '../../lib/errors.ts';
import { parseAddress } from '../../network/addresses.ts';
import type { HostsEntry } from './networks.ts';

/** Names that every container's file has anyway. */
const ALWAYS_THERE = new Set([
  'localhost',
  'ip6-localhost',
  'ip6-loopback',
  'ip6-localnet',
  'ip6-mcastprefix',
  'ip6-allnodes',
  'ip6-allrouters',
]);

export function hostFileEntries(): HostsEntry[] {
  return parseHosts(readHosts()).filter(entry => !entry.names.every(name => ALWAYS_THERE.has(name)));
}

export function parseHosts(text: string): HostsEntry[] {
  return text.split('\n').flatMap(line => {
    const [address, ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    return address && names.length > 0 && parseAddress(address) ? [{ address, names }] : [];
  });
}

function readHosts(): string {
  try {
    return readFileSync('/etc/hosts', 'utf8');
  } catch (error) {
    // A host without the file has no names to pass on.
    if (errnoOf(error) === 'ENOENT') return '';
    throw error;
  }
}
