// What an engine's rules can be made with here: nf_tables, and both kinds of iptables, of which a host has one.
import { mkdtempSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kernelHasNftables } from '../../src/kernel/nftables/socket.ts';
import type { EngineOptions } from './engine.ts';
import type { Machine } from './machines.ts';

export type IptablesKind = 'iptables-legacy' | 'iptables-nft';
export type TestFirewall = 'nftables' | IptablesKind;

export const hasNftables = kernelHasNftables();

/** Then tests of nf_tables, and of the iptables that stands on it, are left out. */
if (!hasNftables) console.warn('left out: this kernel has no nf_tables');
export const iptablesKinds: readonly IptablesKind[] = hasNftables
  ? ['iptables-legacy', 'iptables-nft']
  : ['iptables-legacy'];
export const testFirewalls: readonly TestFirewall[] = hasNftables ? ['nftables', ...iptablesKinds] : iptablesKinds;

/** `DOCKYARD_TEST_FIREWALL=iptables-legacy npm test -- networks` tests what does not choose for itself with that one. */
export const usualFirewall = (process.env['DOCKYARD_TEST_FIREWALL'] ??
  (hasNftables ? 'nftables' : 'iptables-legacy')) as TestFirewall;

/** Holds the programs of this kind alone. */
export function iptablesDirectory(kind: IptablesKind): string {
  const directory = mkdtempSync(join(tmpdir(), 'iptables-'));
  const suffix = kind.slice('iptables'.length);
  for (const name of ['iptables', 'ip6tables']) {
    for (const verb of ['', '-save', '-restore']) {
      symlinkSync(`/usr/sbin/${name}${suffix}${verb}`, join(directory, `${name}${verb}`));
    }
  }
  return directory;
}

/** To be in the environment of an engine whose host has this kind. */
export const pathWith = (kind: IptablesKind) => `${iptablesDirectory(kind)}:${process.env['PATH']}`;

export function withFirewall(options: EngineOptions, firewall: TestFirewall): EngineOptions {
  if (firewall === 'nftables') return options;
  // Without nf_tables an engine has no other choice, and finds out itself.
  if (!hasNftables) return options;
  const { config, environment } = options;
  return {
    ...options,
    config: { ...config, 'firewall-backend': 'iptables' },
    environment: { ...environment, PATH: pathWith(firewall) },
  };
}

/** Chains and rules of engines of ours, in both families. */
export async function iptablesTraces(machine: Machine, kind: IptablesKind): Promise<string[]> {
  const listings = await Promise.all([kind, kind.replace('ip', 'ip6')].map(name => machine.output(`${name}-save`)));
  return listings.flatMap(text => text.split('\n').filter(line => line.includes('dockyard')));
}

export type DropReason = 'spoofed source' | 'container to loopback of host';

const DROP_RULES: Record<DropReason, RegExp> = {
  'spoofed source': /^\[(\d+):\S+ -A dockyard-\w+-spoofed -j DROP$/gm,
  'container to loopback of host': /^\[(\d+):.* -d 127\.0\.0\.0\/8 .*-j DROP$/gm,
};

/** Packets that rules of ours have counted, in both families. */
export async function droppedPackets(machine: Machine, firewall: TestFirewall, reason: DropReason): Promise<number> {
  const listing =
    firewall === 'nftables'
      ? machine.output('nft', 'list', 'ruleset')
      : Promise.all([firewall, firewall.replace('ip', 'ip6')].map(name => machine.output(`${name}-save`, '-c')));
  const rules = String(await listing).replaceAll(',#', '\n#');
  const pattern = firewall === 'nftables' ? new RegExp(`counter packets (\\d+) .*${reason}`, 'g') : DROP_RULES[reason];
  const counts = [...rules.matchAll(pattern)].map(match => Number(match[1]));
  if (counts.length === 0) throw new Error(`no rule drops a ${reason}:\n${rules}`);
  return counts.reduce((sum, count) => sum + count, 0);
}
