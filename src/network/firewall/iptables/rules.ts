// What networks, ports and links are in rules. iptables has no sets: a network is a few rules in each chain, a port is two.
import { type Family, formatAddress, requireAddress } from '../../addresses.ts';
import type { FirewallFamily, FirewallLink, FirewallNetwork, FirewallPort, FirewallSender } from '../firewall.ts';
import { type ChainNames, ICMP, type Rule, TO_HOST } from './chains.ts';

const LOOPBACK = '127.0.0.0/8';
const TRANSLATED = '-m conntrack --ctstate DNAT';

export interface RuleOptions {
  chain: ChainNames;
  allowDirectRouting: boolean;
}

export function networkRules(network: FirewallNetwork, family: Family, options: RuleOptions): Rule[] {
  const rules = family === 4 ? network.ipv4 : network.ipv6;
  if (!rules) return [];
  return [
    ...guardRules(network, family, rules, options),
    ...forwardRules(network, family, rules, options),
    ...sourceRules(network, family, rules, options),
  ];
}

/** Though the way to the sender is another one. */
const believed = (match: string, chain: ChainNames): Rule => ({
  table: 'mangle',
  chain: chain.spoofed,
  text: `${match} -j RETURN`,
  first: true,
});

/** Before addresses are translated: what is addressed to a container here came in by the container's own address. */
function guardRules(
  { bridge, isShared, internal, trustedInterfaces }: FirewallNetwork,
  family: Family,
  { mode, subnets, hasAddress }: FirewallFamily,
  { chain, allowDirectRouting }: RuleOptions,
): Rule[] {
  const rule = (text: string, first = false): Rule => ({ table: 'mangle', chain: chain.guard, text, first });
  const rules: Rule[] = [];
  // The bridges route loopback addresses, for ports published there; containers must not reach the host's loopback by that.
  if (family === 4) rules.push(rule(`-i ${bridge} -d ${LOOPBACK} -j DROP`));
  if (!hasAddress) return rules;
  // A sender whose address is not reached by the bridge it sends from is not who it says.
  rules.push(rule(`-i ${bridge} -m rpfilter --invert -j ${chain.spoofed}`));
  // A liar can't guess into a connection of TCP; into any other conversation of the owner of an address it could.
  rules.push(rule(`-i ${bridge} ! -p tcp -m rpfilter --invert -j ${chain.spoofed}`, true));
  // What the host sees of talk within a network is the network's own affair.
  rules.push(...subnets.map(subnet => believed(`-d ${subnet} -i ${bridge} -m addrtype --dst-type UNICAST`, chain)));
  // That a packet did not get to its destination is for the destination to say, or for those on the way there.
  for (const owner of ['ORIGINAL --ctorigsrc', 'REPLY --ctreplsrc']) {
    for (const subnet of subnets) {
      const text = `! -i ${bridge} -m conntrack --ctdir ${owner} ${subnet} -j ${chain.spoofed}`;
      rules.push({ table: 'mangle', chain: chain.errors, text });
    }
  }
  if (isShared) rules.push(believed(`-i ${bridge} ${TO_HOST}`, chain));
  if (internal || mode !== 'nat' || allowDirectRouting) return rules;
  for (const subnet of subnets) {
    for (const trusted of trustedInterfaces) rules.push(rule(`-d ${subnet} -i ${trusted} -j RETURN`, true));
    rules.push(rule(`-d ${subnet} ! -i ${bridge} -m addrtype --dst-type UNICAST -j DROP`));
  }
  return rules;
}

function forwardRules(
  { bridge, internal, icc }: FirewallNetwork,
  family: Family,
  { mode }: FirewallFamily,
  { chain }: RuleOptions,
): Rule[] {
  const rule = (name: string, text: string, first = false): Rule => ({ table: 'filter', chain: name, text, first });
  const within = `-i ${bridge} -o ${bridge}`;
  const rules = [
    // Between two networks the one that is entered decides.
    rule(chain.forward, `-o ${bridge} -j ${chain.into}`, true),
    // Who asked for a published port at an address of the host may sit in the same network.
    rule(chain.icc, `${within} ${TRANSLATED} -j ACCEPT`, true),
    rule(chain.icc, `${within} -j ${icc ? 'ACCEPT' : 'DROP'}`),
  ];
  if (internal) {
    return [
      ...rules,
      rule(chain.drops, `-i ${bridge} ! -o ${bridge} -j DROP`),
      rule(chain.drops, `-o ${bridge} ! -i ${bridge} -j DROP`),
    ];
  }
  if (mode === 'routed') rules.push(rule(chain.last, `-o ${bridge} -p ${ICMP[family]} -j ACCEPT`, true));
  return [
    ...rules,
    rule(chain.last, `-o ${bridge} -j ${mode === 'nat-unprotected' ? 'ACCEPT' : 'DROP'}`),
    rule(chain.forward, `-i ${bridge} -j ${chain.out}`),
  ];
}

/** What goes anywhere else is for those to judge whose it is: another engine's containers may be closed to us. */
export function outsideRules(
  network: FirewallNetwork,
  family: Family,
  outside: readonly string[],
  { chain }: RuleOptions,
): Rule[] {
  if (network.internal || !(family === 4 ? network.ipv4 : network.ipv6)) return [];
  return outside.map(link => ({ table: 'filter', chain: chain.out, text: `-o ${link} -j ACCEPT` }));
}

function sourceRules(
  { bridge, internal }: FirewallNetwork,
  family: Family,
  { mode, masquerade, sourceAddress, subnets }: FirewallFamily,
  { chain }: RuleOptions,
): Rule[] {
  const rule = (text: string): Rule => ({ table: 'nat', chain: chain.source, text });
  // A container can't answer to the host's loopback address, nor past the host to a neighbour who asked the host.
  const rules = [
    ...(family === 4 ? [rule(`-s ${LOOPBACK} -o ${bridge} -j MASQUERADE`)] : []),
    ...subnets.map(subnet => rule(`-s ${subnet} -o ${bridge} ${TRANSLATED} -j MASQUERADE`)),
  ];
  if (internal || !masquerade || (mode !== 'nat' && mode !== 'nat-unprotected')) return rules;
  const target = sourceAddress ? `SNAT --to-source ${sourceAddress}` : 'MASQUERADE';
  return [...rules, ...subnets.map(subnet => rule(`-s ${subnet} ! -o ${bridge} -j ${target}`))];
}

export function portRules(port: FirewallPort, { chain }: RuleOptions): Rule[] {
  const { protocol, containerPort, hostPort } = port;
  const container = requireAddress(port.containerAddress);
  const host = requireAddress(port.hostAddress);
  const address = formatAddress(container);
  const published: Rule = {
    table: 'filter',
    chain: chain.published,
    text: `-d ${address} -p ${protocol} --dport ${containerPort} -j ACCEPT`,
  };
  // Between families there is no translation: that is the proxy's work.
  if (hostPort === 0 || host.family !== container.family) return [published];
  const target = `${container.family === 4 ? address : `[${address}]`}:${containerPort}`;
  const isAny = host.value === 0n;
  const to = isAny ? '' : `-d ${formatAddress(host)} `;
  return [
    published,
    {
      table: 'nat',
      chain: chain.ports,
      text: `${to}-p ${protocol} --dport ${hostPort} -j DNAT --to-destination ${target}`,
      first: !isAny,
    },
  ];
}

export function linkRules({ from, to, protocol, port }: FirewallLink, { chain }: RuleOptions): Rule[] {
  const text = `-s ${from} -d ${to} -p ${protocol} --dport ${port} -j ACCEPT`;
  return [{ table: 'filter', chain: chain.links, text }];
}

export function senderRules({ address, bridge }: FirewallSender, { chain }: RuleOptions): Rule[] {
  return [believed(`-s ${address} -i ${bridge}`, chain)];
}
