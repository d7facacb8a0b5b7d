// The subnets of a new network: what was asked for, checked; what was not, chosen.
import { failed, invalid } from '../../lib/errors.ts';
import {
  type Address,
  contains,
  type Family,
  formatAddress,
  formatPrefix,
  masked,
  overlaps,
  type Prefix,
  parseAddress,
  parsePrefix,
  requireAddress,
  requirePrefix,
  samePrefix,
} from '../../network/addresses.ts';
import { booleanOption, OPTION } from '../../network/drivers/options.ts';
import { AddressPool, checkOverlap, chooseSubnet } from '../../network/ipam.ts';
import type { IPAMConfig } from '../../wire/types.ts';
import type { NetworkContext } from './context.ts';
import { addressPools, takenSubnets } from './pools.ts';
import type { NetworkRecord } from './record.ts';

export function checkIpam(configs: readonly IPAMConfig[], enableIPv6: boolean): void {
  const problems = configs.flatMap(config => configProblems(config, enableIPv6));
  if (problems.length > 0) throw invalid(`invalid network config:\n${problems.join('\n')}`);
}

function configProblems(config: IPAMConfig, enableIPv6: boolean): string[] {
  const { Subnet = '', IPRange = '', Gateway = '', AuxiliaryAddresses = {} } = config;
  if (Subnet === '') {
    const needsSubnet = IPRange || Gateway || Object.keys(AuxiliaryAddresses).length > 0;
    return needsSubnet ? ['every ip-range or gateway must have a corresponding subnet'] : [];
  }
  const subnet = parsePrefix(Subnet);
  if (!subnet) return [`invalid subnet ${Subnet}: invalid CIDR block notation`];
  if (subnet.family === 6 && !enableIPv6) return [];
  const problems: string[] = [];
  if (!samePrefix(subnet, masked(subnet))) {
    problems.push(`invalid subnet ${Subnet}: it should be ${formatPrefix(masked(subnet))}`);
  }
  problems.push(...rangeProblems(IPRange, subnet));
  const gateway = Gateway === '' ? undefined : addressProblem(Gateway, subnet);
  if (gateway) problems.push(`invalid gateway ${Gateway}: ${gateway}`);
  for (const [name, text] of Object.entries(AuxiliaryAddresses)) {
    const problem = addressProblem(text, subnet);
    if (problem) problems.push(`invalid auxiliary address ${name}: ${problem}`);
  }
  return problems;
}

function rangeProblems(text: string, subnet: Prefix): string[] {
  if (text === '') return [];
  const range = parsePrefix(text);
  if (!range) return [`invalid ip-range ${text}: invalid CIDR block notation`];
  if (range.family !== subnet.family) {
    return [`invalid ip-range ${text}: parent subnet is an IPv${subnet.family} block`];
  }
  const problems: string[] = [];
  if (range.bits < subnet.bits) {
    problems.push(`invalid ip-range ${text}: CIDR block is bigger than its parent subnet ${formatPrefix(subnet)}`);
  }
  if (!samePrefix(range, masked(range))) {
    problems.push(`invalid ip-range ${text}: it should be ${formatPrefix(masked(range))}`);
  }
  if (!overlaps(subnet, range)) {
    problems.push(`invalid ip-range ${text}: parent subnet ${formatPrefix(subnet)} doesn't contain ip-range`);
  }
  return problems;
}

function addressProblem(text: string, subnet: Prefix): string | undefined {
  const address = parseAddress(text);
  if (!address) return 'invalid address';
  if (address.family !== subnet.family) return `parent subnet is an IPv${subnet.family} block`;
  if (!contains(subnet, address)) return `parent subnet ${formatPrefix(subnet)} doesn't contain this address`;
  return undefined;
}

const isUnspecifiedSubnet = (config: IPAMConfig) => {
  const prefix = parsePrefix(config.Subnet ?? '');
  return prefix === undefined || prefix.value === 0n;
};

export const familyOf = (config: IPAMConfig): Family => parsePrefix(config.Subnet ?? '')?.family ?? 4;

/** Some subnet is left to us. */
export function needsChoice(network: NetworkRecord): boolean {
  const configs = network.ipam.pools;
  return (
    configs.some(isUnspecifiedSubnet) ||
    (network.enableIPv4 && !configs.some(config => familyOf(config) === 4)) ||
    (network.enableIPv6 && !configs.some(config => familyOf(config) === 6))
  );
}

/** Every subnet complete, with its gateway if it is to have one. */
export function choosePools(
  context: NetworkContext,
  network: NetworkRecord,
  givesGateway: (family: Family) => boolean,
): IPAMConfig[] {
  if (network.ipam.driver === 'null') {
    // Addresses are somebody else's business; the driver will say whether it can do without.
    if (network.ipam.pools.some(pool => pool.Subnet)) throw invalid('null IPAM driver does not handle subnets');
    return [];
  }
  const chosen: IPAMConfig[] = [];
  const families: Family[] = [...(network.enableIPv4 ? [4 as const] : []), ...(network.enableIPv6 ? [6 as const] : [])];
  for (const family of families) {
    const asked = network.ipam.pools.filter(config => familyOf(config) === family);
    for (const config of asked.length > 0 ? asked : [{}]) {
      chosen.push(choosePool(context, network, family, config, chosen, givesGateway(family)));
    }
  }
  return chosen;
}

function choosePool(
  context: NetworkContext,
  network: NetworkRecord,
  family: Family,
  config: IPAMConfig,
  chosen: readonly IPAMConfig[],
  givesGateway: boolean,
): IPAMConfig {
  const taken = [
    ...takenSubnets(context.store, network.id),
    ...chosen.flatMap(({ Subnet }) => parsePrefix(Subnet ?? '') ?? []),
  ];
  const asked = parsePrefix(config.Subnet ?? '');
  let subnet: Prefix;
  if (asked && asked.value !== 0n) {
    subnet = asked;
    checkOverlap(subnet, taken);
  } else {
    subnet = chooseSubnet({
      family,
      pools: addressPools(context.config, context.engine),
      taken,
      reserved: context.host.reservedSubnets(),
      size: asked && asked.bits > 0 ? asked.bits : undefined,
    });
  }
  const pool: IPAMConfig = { Subnet: formatPrefix(subnet) };
  if (config.IPRange) pool.IPRange = formatPrefix(requirePrefix(config.IPRange));
  const gateway = config.Gateway || (givesGateway ? lowestAddress(subnet, config) : '');
  if (gateway) pool.Gateway = inUsualForm(gateway);
  const reserved = Object.entries(config.AuxiliaryAddresses ?? {});
  if (reserved.length > 0) {
    pool.AuxiliaryAddresses = Object.fromEntries(reserved.map(([name, address]) => [name, inUsualForm(address)]));
  }
  checkReserved(pool, subnet);
  return pool;
}

const inUsualForm = (address: string) => formatAddress(requireAddress(address));

/** A bridge without an address is no router. */
export function hasGateway(network: NetworkRecord, family: Family): boolean {
  const mode = network.options[`com.docker.network.bridge.gateway_mode_ipv${family}`];
  const inhibited = family === 4 && booleanOption(network.options, OPTION.inhibitIPv4, false);
  return mode !== 'isolated' && !(inhibited && network.internal);
}

function lowestAddress(subnet: Prefix, config: IPAMConfig): string {
  const pool = new AddressPool(subnet, config.IPRange ? parsePrefix(config.IPRange) : undefined);
  for (const text of Object.values(config.AuxiliaryAddresses ?? {})) {
    const address = parseAddress(text);
    if (address && !pool.isTaken(address)) pool.takeThis(address);
  }
  return formatAddress(pool.take());
}

/** The gateway and the auxiliary addresses must be different from each other and usable. */
function checkReserved(config: IPAMConfig, subnet: Prefix): void {
  const pool = new AddressPool(subnet, undefined);
  const reserve = (what: string, text: string) => {
    const address = parseAddress(text) as Address;
    if (pool.isTaken(address)) throw failed(`failed to allocate ${what} (${text}): Address already in use`);
    pool.takeThis(address);
  };
  if (config.Gateway) reserve('gateway', config.Gateway);
  for (const [name, text] of Object.entries(config.AuxiliaryAddresses ?? {})) {
    if (name.startsWith('DefaultGatewayIPv') && text === config.Gateway) continue;
    reserve(`secondary ip address (${name})`, text);
  }
}
