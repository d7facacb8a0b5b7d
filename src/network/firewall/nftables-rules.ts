// The engine's table: for nearly all packets a fixed number of rules, whatever the number of networks and ports, which are elements of sets.
// A packet costs the same with a thousand published ports as with one, and a start that publishes nothing changes nothing.
import {
  CT_DIRECTION,
  CT_STATE,
  CT_STATUS_DNAT,
  type Expression,
  expression as x,
} from '../../kernel/nftables/expression.ts';
import type { SetLayout } from '../../kernel/nftables/set.ts';
import type { Transaction } from '../../kernel/nftables/transaction.ts';
import { addressBytes, masked, maskOf, requirePrefix } from '../addresses.ts';
import type { FirewallNetwork } from './firewall.ts';

const IPPROTO_ICMP = 1;
const IPPROTO_TCP = 6;
const IPPROTO_ICMPV6 = 58;
const NFPROTO_IPV4 = 2;
const NFPROTO_IPV6 = 10;
const RTN_LOCAL = 2;
const RTN_BROADCAST = 3;
const RTN_MULTICAST = 5;

const PRIORITY = { mangle: -150, dnat: -100, filter: 0, snat: 100 } as const;

/** A bridge beside itself: a packet that enters and leaves by it stays in its network. */
const PAIR = ['ifname', 'ifname'] as const;
const FAMILY_INTERFACE = ['nfproto', 'ifname'] as const;

export const SETS = {
  bridges: { name: 'bridges', key: ['ifname'] },
  sameBridge: { name: 'same_bridge', key: PAIR },
  internal: { name: 'internal', key: ['ifname'] },
  /** The host has an address there: it knows who is reached by the bridge. */
  addressed: { name: 'addressed', key: FAMILY_INTERFACE },
  /** Bridges of somebody else's making. */
  shared: { name: 'shared', key: ['ifname'] },
  /** From, bridge: addresses of containers with several networks, whose way out may be any of them. */
  senders4: { name: 'senders4', key: ['ipv4', 'ifname'] },
  senders6: { name: 'senders6', key: ['ipv6', 'ifname'] },
  /** Between containers of one bridge. */
  icc: { name: 'icc', key: PAIR, data: 'verdict' },
  /** What happens to a new connection into a network that nothing else allowed. */
  into: { name: 'into', key: FAMILY_INTERFACE, data: 'verdict' },
  routed: { name: 'routed', key: FAMILY_INTERFACE },
  /** Containers' own addresses behind these are not reached from outside. */
  protected: { name: 'protected', key: FAMILY_INTERFACE },
  /** From where they are, all the same. */
  trusted: { name: 'trusted', key: PAIR },
  masquerade: { name: 'masquerade', key: FAMILY_INTERFACE },
  source4: { name: 'source4', key: ['ifname'], data: ['ipv4'] },
  source6: { name: 'source6', key: ['ifname'], data: ['ipv6'] },
  /** Host ports to container ports, for one address of the host and for all of them. */
  ports4: { name: 'ports4', key: ['ipv4', 'protocol', 'port'], data: ['ipv4', 'port'] },
  ports6: { name: 'ports6', key: ['ipv6', 'protocol', 'port'], data: ['ipv6', 'port'] },
  anyPorts4: { name: 'any_ports4', key: ['protocol', 'port'], data: ['ipv4', 'port'] },
  anyPorts6: { name: 'any_ports6', key: ['protocol', 'port'], data: ['ipv6', 'port'] },
  /** Container ports that are open to other networks. */
  published4: { name: 'published4', key: ['ipv4', 'protocol', 'port'] },
  published6: { name: 'published6', key: ['ipv6', 'protocol', 'port'] },
  /** Families in which the host routes for others too. */
  strangers: { name: 'strangers', key: ['nfproto'] },
  /** Bridges of somebody else's containers, who decides what these may. */
  guests: { name: 'guests', key: ['ifname'] },
  /** From, to, protocol, port: what a legacy link opens where icc is off. */
  links4: { name: 'links4', key: ['ipv4', 'ipv4', 'protocol', 'port'] },
} as const satisfies Record<string, SetLayout>;

export type SetName = keyof typeof SETS;

export const FAMILY = 'inet';
const STRANGERS_CHAIN = 'strangers';
const SPOOFED_CHAIN = 'spoofed';
const ERRORS_CHAIN = 'errors';
/** Chains that have rules whatever the networks are. */
export const NEVER_EMPTY = [
  'guard',
  'input',
  'forward',
  STRANGERS_CHAIN,
  SPOOFED_CHAIN,
  'ports',
  'prerouting',
  'output',
  'postrouting',
];
const NOT_ZERO_32 = new Uint8Array(4);
const word = (value: number) => Buffer.from(new Uint32Array([value]).buffer);
const byte = (value: number) => Uint8Array.of(value);

const onlyFamily = (family: 4 | 6): Expression[] => [
  x.meta('nfproto'),
  x.compare('eq', byte(family === 4 ? NFPROTO_IPV4 : NFPROTO_IPV6)),
];

const inState = (state: number): Expression[] => [x.ct('state'), x.mask(word(state)), x.compare('ne', NOT_ZERO_32)];
const established = inState(CT_STATE.established | CT_STATE.related);

const translated: Expression[] = [x.ct('status'), x.mask(word(CT_STATUS_DNAT)), x.compare('ne', NOT_ZERO_32)];

const SOURCE = { 4: { offset: 12, length: 4 }, 6: { offset: 8, length: 16 } } as const;
const DESTINATION = { 4: { offset: 16, length: 4 }, 6: { offset: 24, length: 16 } } as const;
/** How many an address fills. */
const registersOf = (family: 4 | 6) => (family === 4 ? 1 : 4);

const destination = (family: 4 | 6, register = 0) =>
  x.payload('network', DESTINATION[family].offset, DESTINATION[family].length, register);
const source = (family: 4 | 6, register = 0) =>
  x.payload('network', SOURCE[family].offset, SOURCE[family].length, register);
/** Protocol and destination port, from `register` on. */
const service = (register: number): Expression[] => [
  x.meta('l4proto', register),
  x.payload('transport', 2, 2, register + 1),
];

const IPV6_LOOPBACK = Buffer.concat([Buffer.alloc(15), byte(1)]);
const toLoopback: Expression[] = [...onlyFamily(4), x.payload('network', 16, 1), x.compare('eq', byte(127))];
const toHost: Expression[] = [x.fib('type', ['daddr']), x.compare('eq', word(RTN_LOCAL))];
const pair: Expression[] = [x.meta('iifname', 0), x.meta('oifname', 4)];
const notTcp: Expression[] = [x.meta('l4proto'), x.compare('ne', byte(IPPROTO_TCP))];
const notSameBridge: Expression[] = [...pair, x.inSet(SETS.sameBridge.name, { not: true })];
const fromBridge: Expression[] = [x.meta('iifname'), x.inSet(SETS.bridges.name)];
const fromAddressed: Expression[] = [x.meta('nfproto'), x.meta('iifname', 1), x.inSet(SETS.addressed.name)];
/** A sender whose address is not reached by the bridge it sends from is not who it says. */
const judgeSpoofed: Expression[] = [
  ...fromAddressed,
  x.fib('oif', ['saddr', 'iif']),
  x.compare('eq', NOT_ZERO_32),
  x.verdict({ jump: SPOOFED_CHAIN }),
];

/**
 * For what is not ours the policy decides. It has a chain of its own: other engines put rules first in a chain that drops by
 * policy, and would so pass by whatever else that chain says.
 */
export function addStrangersChain(transaction: Transaction, table: string, policy: 'accept' | 'drop'): void {
  transaction.addChain(FAMILY, table, STRANGERS_CHAIN, {
    type: 'filter',
    hook: 'forward',
    priority: PRIORITY.filter,
    policy,
  });
}

export function addRules(transaction: Transaction, table: string, strangersPolicy: 'accept' | 'drop'): void {
  const chain = (name: string, base?: Parameters<Transaction['addChain']>[3]) =>
    transaction.addChain(FAMILY, table, name, base);
  const rule = (name: string, expressions: readonly Expression[], comment?: string) =>
    transaction.addRule({ family: FAMILY, table, chain: name }, expressions, { comment });

  transaction.addTable(FAMILY, table);
  for (const layout of Object.values(SETS)) transaction.addSet(FAMILY, table, layout);
  chain(SPOOFED_CHAIN, undefined);
  chain(ERRORS_CHAIN, undefined);
  chain('guard', { type: 'filter', hook: 'prerouting', priority: PRIORITY.mangle, policy: 'accept' });
  chain('input', { type: 'filter', hook: 'input', priority: PRIORITY.filter, policy: 'accept' });
  chain('forward', { type: 'filter', hook: 'forward', priority: PRIORITY.filter, policy: 'accept' });
  addStrangersChain(transaction, table, strangersPolicy);
  chain('ports', undefined);
  chain('prerouting', { type: 'nat', hook: 'prerouting', priority: PRIORITY.dnat, policy: 'accept' });
  chain('output', { type: 'nat', hook: 'output', priority: PRIORITY.dnat, policy: 'accept' });
  chain('postrouting', { type: 'nat', hook: 'postrouting', priority: PRIORITY.snat, policy: 'accept' });

  addSpoofed(rule);
  addGuard(rule);
  addInput(rule);
  addForward(rule);
  addStrangers(rule);
  addPorts(rule);
  addPostrouting(rule);
}

type AddRule = (chain: string, expressions: readonly Expression[], comment?: string) => void;

/**
 * That a packet was not delivered is for its destination to say, or for those on the way there. The only rules of which each network
 * has some of its own; they are asked for nothing else.
 */
export function addErrorRules(transaction: Transaction, table: string, networks: Iterable<FirewallNetwork>): void {
  transaction.flushChain(FAMILY, table, ERRORS_CHAIN);
  for (const { bridge, ipv4, ipv6 } of networks) {
    for (const subnet of [ipv4, ipv6].flatMap(rules => (rules?.hasAddress ? rules.subnets : []))) {
      const prefix = requirePrefix(subnet);
      for (const direction of ['original', 'reply'] as const) {
        transaction.addRule({ family: FAMILY, table, chain: ERRORS_CHAIN }, [
          ...onlyFamily(prefix.family),
          x.ct('direction'),
          x.compare('eq', byte(CT_DIRECTION[direction])),
          x.ctSource(prefix.family, direction),
          x.mask(addressBytes(maskOf(prefix))),
          x.compare('eq', addressBytes(masked(prefix))),
          ...fromAddressed,
          x.meta('iifname'),
          x.compare('ne', interfaceName(bridge)),
          x.verdict({ jump: SPOOFED_CHAIN }),
        ]);
      }
    }
  }
}

/** What leaves a network, or is for the host, and came in by a bridge that doesn't lead to its sender. */
function addSpoofed(rule: AddRule): void {
  for (const family of [4, 6] as const) {
    rule(SPOOFED_CHAIN, [
      ...onlyFamily(family),
      source(family),
      x.meta('iifname', registersOf(family)),
      x.inSet(family === 4 ? SETS.senders4.name : SETS.senders6.name),
      x.verdict('return'),
    ]);
  }
  // Who asks for an address has none yet.
  for (const type of [RTN_BROADCAST, RTN_MULTICAST]) {
    rule(SPOOFED_CHAIN, [x.fib('type', ['daddr']), x.compare('eq', word(type)), x.verdict('return')]);
  }
  // Published ports are addressed to the host.
  rule(SPOOFED_CHAIN, [
    x.meta('iifname'),
    x.inSet(SETS.shared.name),
    x.ct('direction'),
    x.compare('eq', byte(CT_DIRECTION.original)),
    ...translated,
    x.verdict('return'),
  ]);
  rule(SPOOFED_CHAIN, [x.counter(), x.verdict('drop')], 'spoofed source');
}

/** Runs before addresses are translated: what is addressed to a container here came in by the container's own address. */
function addGuard(rule: AddRule): void {
  rule('guard', [...established, x.verdict('return')]);
  // The bridges route loopback addresses, for ports published there; containers must not reach the host's loopback by that.
  rule('guard', [...fromBridge, ...toLoopback, x.counter(), x.verdict('drop')], 'container to loopback of host');
  rule(
    'guard',
    [
      x.meta('nfproto'),
      x.fib('oifname', ['daddr'], 1),
      x.inSet(SETS.protected.name),
      x.meta('iifname', 5),
      x.fib('oifname', ['daddr'], 9),
      x.inSet(SETS.trusted.name, { not: true, register: 5 }),
      x.counter(),
      x.verdict('drop'),
    ],
    'direct access',
  );
}

function addInput(rule: AddRule): void {
  rule('input', [x.meta('iifname'), x.inSet(SETS.shared.name), x.verdict('return')]);
  rule('input', [...notTcp, ...judgeSpoofed]);
  rule('input', [...inState(CT_STATE.related), x.verdict({ jump: ERRORS_CHAIN })]);
  rule('input', [...established, x.verdict('return')]);
  rule('input', judgeSpoofed);
}

function addForward(rule: AddRule): void {
  // A liar can't guess into a connection of TCP; into any other conversation of the owner of an address it could. Not before it is
  // known where a packet goes: bridges may pass here what never leaves them, and that is the network's own affair.
  rule('forward', [...notTcp, ...notSameBridge, ...judgeSpoofed]);
  rule('forward', [...inState(CT_STATE.related), ...notSameBridge, x.verdict({ jump: ERRORS_CHAIN })]);
  rule('forward', [...established, x.verdict('accept')]);
  rule('forward', [...notSameBridge, ...judgeSpoofed]);
  for (const direction of ['iifname', 'oifname'] as const) {
    rule(
      'forward',
      [x.meta(direction), x.inSet(SETS.internal.name), ...notSameBridge, x.counter(), x.verdict('drop')],
      'internal network',
    );
  }
  rule('forward', [
    ...onlyFamily(4),
    source(4, 0),
    destination(4, 1),
    ...service(2),
    x.inSet(SETS.links4.name),
    x.verdict('accept'),
  ]);
  // Who asked for a published port at an address of the host may sit in the same network.
  rule('forward', [...pair, x.inSet(SETS.sameBridge.name), ...translated, x.verdict('accept')]);
  rule('forward', [...pair, x.verdictFrom(SETS.icc.name)]);
  for (const family of [4, 6] as const) {
    const set = family === 4 ? SETS.published4 : SETS.published6;
    rule('forward', [
      ...onlyFamily(family),
      destination(family),
      ...service(registersOf(family)),
      x.inSet(set.name),
      x.verdict('accept'),
    ]);
  }
  for (const protocol of [IPPROTO_ICMP, IPPROTO_ICMPV6]) {
    rule('forward', [
      x.meta('nfproto'),
      x.meta('oifname', 1),
      x.inSet(SETS.routed.name),
      x.meta('l4proto'),
      x.compare('eq', byte(protocol)),
      x.verdict('accept'),
    ]);
  }
  rule('forward', [x.meta('nfproto'), x.meta('oifname', 1), x.verdictFrom(SETS.into.name)]);
}

function addStrangers(rule: AddRule): void {
  rule(STRANGERS_CHAIN, [...established, x.verdict('accept')]);
  for (const direction of ['iifname', 'oifname'] as const) {
    rule(STRANGERS_CHAIN, [x.meta(direction), x.inSet(SETS.bridges.name), x.verdict('accept')]);
    rule(STRANGERS_CHAIN, [x.meta(direction), x.inSet(SETS.guests.name), x.verdict('accept')]);
  }
  // Where the policy is to drop, it is for one family or for both.
  rule(STRANGERS_CHAIN, [x.meta('nfproto'), x.inSet(SETS.strangers.name), x.verdict('accept')]);
}

function addPorts(rule: AddRule): void {
  // Nobody on the wire has a loopback address as destination.
  rule('prerouting', [x.meta('iifname'), x.compare('ne', interfaceName('lo')), ...toLoopback, x.verdict('return')]);
  // A host's own IPv6 loopback leads nowhere else: what is sent there is carried by a process.
  rule('output', [...onlyFamily(6), destination(6), x.compare('eq', IPV6_LOOPBACK), x.verdict('return')]);
  for (const hook of ['prerouting', 'output']) rule(hook, [...toHost, x.verdict({ jump: 'ports' })]);
  for (const family of [4, 6] as const) {
    const width = registersOf(family);
    const value = 8;
    const translate = x.nat('dnat', family, { address: value, port: value + width });
    rule('ports', [
      ...onlyFamily(family),
      destination(family),
      ...service(width),
      x.valueFrom(family === 4 ? SETS.ports4.name : SETS.ports6.name, value),
      translate,
    ]);
    rule('ports', [
      ...onlyFamily(family),
      ...service(0),
      x.valueFrom(family === 4 ? SETS.anyPorts4.name : SETS.anyPorts6.name, value),
      translate,
    ]);
  }
}

function addPostrouting(rule: AddRule): void {
  const toBridge: Expression[] = [x.meta('oifname'), x.inSet(SETS.bridges.name)];
  // A container can't answer to the host's loopback address, nor past the host to a neighbour who asked the host.
  rule('postrouting', [
    ...toBridge,
    ...onlyFamily(4),
    x.payload('network', 12, 1),
    x.compare('eq', byte(127)),
    x.masquerade(),
  ]);
  rule('postrouting', [...pair, x.inSet(SETS.sameBridge.name), ...translated, x.masquerade()]);
  // Where bridges pass their packets to the firewall, such a packet never leaves the bridge and has no way in by name.
  rule('postrouting', [
    ...toBridge,
    x.meta('iifname'),
    x.compare('eq', interfaceName('')),
    ...translated,
    x.fib('type', ['saddr']),
    x.compare('ne', word(RTN_LOCAL)),
    x.masquerade(),
  ]);
  for (const family of [4, 6] as const) {
    rule('postrouting', [
      ...onlyFamily(family),
      ...notSameBridge,
      x.valueFrom(family === 4 ? SETS.source4.name : SETS.source6.name, 8),
      x.nat('snat', family, { address: 8 }),
    ]);
  }
  rule('postrouting', [
    ...notSameBridge,
    x.meta('nfproto'),
    x.meta('iifname', 1),
    x.inSet(SETS.masquerade.name),
    x.masquerade(),
  ]);
}

export function interfaceName(name: string): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.write(name, 0, 15);
  return bytes;
}

export const familyByte = (family: 4 | 6) => Buffer.from([family === 4 ? NFPROTO_IPV4 : NFPROTO_IPV6, 0, 0, 0]);
