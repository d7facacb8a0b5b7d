// The engine's own chains, and where the kernel's chains lead to them. Each has a short name behind the engine's: a name has
// no more than 28 characters.
import type { Family } from '../../addresses.ts';

export const TABLES = ['mangle', 'filter', 'nat'] as const;
export type Table = (typeof TABLES)[number];

/** Rules of one chain stand in any order, but for those that are `first`. */
export interface Rule {
  table: Table;
  chain: string;
  text: string;
  first?: boolean;
}

export interface Jump {
  base: string;
  chain: string;
  match: string;
}

export interface Layout {
  table: Table;
  chains: readonly string[];
  /** There whatever the networks are. */
  fixed: readonly { chain: string; text: string }[];
  jumps: readonly Jump[];
}

const CHAINS = {
  guard: 'guard',
  spoofed: 'spoofed',
  errors: 'errors',
  drops: 'drops',
  forward: 'forward',
  into: 'into',
  out: 'out',
  links: 'links',
  icc: 'icc',
  published: 'published',
  last: 'last',
  ports: 'ports',
  source: 'source',
  /** Has no rules: it is there where the engine made the host drop what it would forward for strangers. */
  closed: 'closed',
} as const;

export type ChainNames = Readonly<Record<keyof typeof CHAINS, string>>;

export function chainNames(owner: string): ChainNames {
  return Object.fromEntries(Object.entries(CHAINS).map(([key, name]) => [key, `${owner}-${name}`])) as ChainNames;
}

export const ICMP = { 4: 'icmp', 6: 'ipv6-icmp' } as const;
const ESTABLISHED = '-m conntrack --ctstate ESTABLISHED,RELATED';
export const TO_HOST = '-m addrtype --dst-type LOCAL';

export function layouts(family: Family, chain: ChainNames): readonly Layout[] {
  // Nobody on the wire has a loopback address as destination; a host's own IPv6 loopback leads nowhere else.
  const noLoopback = { prerouting: '! -d 127.0.0.0/8 ', output: '! -d ::1/128 ' };
  return [
    {
      table: 'mangle',
      chains: [chain.guard, chain.errors, chain.spoofed],
      fixed: [
        { chain: chain.guard, text: `-p ${ICMP[family]} -m conntrack --ctstate RELATED -j ${chain.errors}` },
        { chain: chain.guard, text: `${ESTABLISHED} -j RETURN` },
        // Who asks for an address has none yet.
        ...(family === 4 ? [{ chain: chain.spoofed, text: '-s 0.0.0.0/32 -d 255.255.255.255/32 -j RETURN' }] : []),
        { chain: chain.spoofed, text: '-j DROP' },
      ],
      jumps: [{ base: 'PREROUTING', chain: chain.guard, match: '' }],
    },
    {
      table: 'filter',
      chains: [chain.drops, chain.forward, chain.out, chain.into, chain.links, chain.icc, chain.published, chain.last],
      fixed: [
        { chain: chain.out, text: `${ESTABLISHED} -j ACCEPT` },
        { chain: chain.into, text: `${ESTABLISHED} -j ACCEPT` },
        ...[chain.links, chain.icc, chain.published, chain.last].map(next => ({
          chain: chain.into,
          text: `-j ${next}`,
        })),
      ],
      jumps: [
        { base: 'FORWARD', chain: chain.drops, match: '' },
        { base: 'FORWARD', chain: chain.forward, match: '' },
      ],
    },
    {
      table: 'nat',
      chains: [chain.ports, chain.source],
      fixed: [{ chain: chain.source, text: '-o lo -j RETURN' }],
      jumps: [
        { base: 'PREROUTING', chain: chain.ports, match: `${family === 4 ? noLoopback.prerouting : ''}${TO_HOST} ` },
        { base: 'OUTPUT', chain: chain.ports, match: `${family === 6 ? noLoopback.output : ''}${TO_HOST} ` },
        { base: 'POSTROUTING', chain: chain.source, match: '' },
      ],
    },
  ];
}
