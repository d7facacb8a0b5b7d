// What the rules are made with: nf_tables where the kernel has it, else the host's iptables. An engine that is started with another
// one than before takes the rules of the other away.
import { readFileSync, writeFileSync } from 'node:fs';
import { kernelHasNftables } from '../../kernel/nftables/socket.ts';
import { errnoOf, failed } from '../../lib/errors.ts';
import type { Family } from '../addresses.ts';
import type { Firewall, FirewallOptions } from './firewall.ts';
import { IptablesFirewall } from './iptables/iptables.ts';
import { findIptables, programName, type Verb } from './iptables/programs.ts';
import { NftablesFirewall } from './nftables.ts';

export type FirewallBackend = 'nftables' | 'iptables';

export interface BackendHost {
  hasNftables(): boolean;
  hasIptables(family: Family, verb: Verb): boolean;
}

const thisHost: BackendHost = {
  hasNftables: kernelHasNftables,
  hasIptables: (family, verb) => findIptables(family, verb) !== undefined,
};

/**
 * `wanted` is what the engine was told to use, `families` what there are to be rules for. Without any, a host may have neither
 * of the two.
 */
export function chooseBackend(
  wanted: FirewallBackend | undefined,
  families: readonly Family[],
  host: BackendHost = thisHost,
): FirewallBackend | undefined {
  if (wanted === 'iptables') {
    const missing = missingPrograms(families, host);
    if (missing.length === 0) return 'iptables';
    throw failed(
      `firewall-backend is set to iptables, but ${missing.join(' and ')} can not be found: install iptables`,
    );
  }
  if (host.hasNftables()) return 'nftables';
  if (wanted === 'nftables') {
    throw failed('firewall-backend is set to nftables, but the kernel has no nf_tables: use iptables instead');
  }
  if (families.length === 0) return host.hasIptables(4, 'restore') ? 'iptables' : undefined;
  const missing = missingPrograms(families, host);
  if (missing.length === 0) return 'iptables';
  const without = familyFlags(families);
  throw failed(
    `the kernel has no nf_tables, and ${missing.join(' and ')} that can do without can not be found: install iptables (iptables-legacy), or start with ${without}`,
  );
}

const missingPrograms = (families: readonly Family[], host: BackendHost) =>
  families.flatMap(family =>
    (['restore', 'save'] as const)
      .filter(verb => !host.hasIptables(family, verb))
      .map(verb => programName(family, verb)),
  );

const familyFlags = (families: readonly Family[]) =>
  families.map(family => (family === 4 ? '--iptables=false' : '--ip6tables=false')).join(' ');

export interface BackendOptions extends FirewallOptions {
  backend: FirewallBackend;
  /** A file that lives as long as the kernel keeps rules: it says what an earlier engine made them with. */
  note: string;
}

export function openFirewall(options: BackendOptions): Firewall {
  const { backend, note } = options;
  const before = noted(note);
  const closed = before && before !== backend ? takeAway(before, options) : new Set<Family>();
  if (before !== backend) writeFileSync(note, `${backend}\n`);
  const firewall = implementation(backend, options);
  for (const family of closed) firewall.dropForwarded(family);
  return firewall;
}

function implementation(backend: FirewallBackend, options: FirewallOptions): Firewall {
  return backend === 'nftables' ? new NftablesFirewall(options) : new IptablesFirewall(options);
}

function takeAway(backend: FirewallBackend, options: FirewallOptions): ReadonlySet<Family> {
  using other = implementation(backend, { ...options, families: [4, 6] });
  return other.remove();
}

function noted(note: string): FirewallBackend | undefined {
  try {
    const text = readFileSync(note, 'utf8').trim();
    return text === 'nftables' || text === 'iptables' ? text : undefined;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
