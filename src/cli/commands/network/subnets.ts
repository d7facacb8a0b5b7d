// Subnets and the addresses in them, for `network create`.

import { ExitError } from '../../framework/errors.ts';
import { isIp, isIpv4 } from '../../framework/flag-types.ts';

export interface SubnetConfig {
  Subnet: string;
  IPRange?: string;
  Gateway?: string;
  AuxiliaryAddresses: Record<string, string>;
}

export interface SubnetFlags {
  subnets: readonly string[];
  ranges: readonly string[];
  gateways: readonly string[];
  auxiliary: Readonly<Record<string, string>>;
}

const fail = (message: string) => new ExitError(1, message);

/** Which range, gateway and other addresses belong to which subnet. */
export function subnetConfigs({ subnets, ranges, gateways, auxiliary }: SubnetFlags): SubnetConfig[] {
  if (subnets.length < ranges.length || subnets.length < gateways.length) {
    throw fail('every ip-range or gateway must have a corresponding subnet');
  }
  const configs: SubnetConfig[] = [];
  for (const Subnet of subnets) {
    const overlaps = configs.some(other => contains(Subnet, other.Subnet) || contains(other.Subnet, Subnet));
    if (overlaps) throw fail('multiple overlapping subnet configuration is not supported');
    configs.push({ Subnet, AuxiliaryAddresses: {} });
  }
  const owner = (address: string, what: string): SubnetConfig => {
    const config = configs.find(({ Subnet }) => contains(Subnet, address));
    if (!config) throw fail(`no matching subnet for ${what} ${address}`);
    return config;
  };
  for (const range of ranges) {
    parseNetwork(range);
    const config = owner(range, 'range');
    if (config.IPRange !== undefined) {
      throw fail(
        `cannot configure multiple ranges (${range}, ${config.IPRange}) on the same subnet (${config.Subnet})`,
      );
    }
    config.IPRange = range;
  }
  for (const gateway of gateways) {
    const config = owner(gateway, 'gateway');
    if (config.Gateway !== undefined) {
      const both = `${gateway}, ${config.Gateway}`;
      throw fail(`cannot configure multiple gateways (${both}) for the same subnet (${config.Subnet})`);
    }
    config.Gateway = gateway;
  }
  for (const [name, address] of Object.entries(auxiliary))
    owner(address, 'aux-address').AuxiliaryAddresses[name] = address;
  return configs;
}

interface Network {
  address: bigint;
  bits: number;
  size: number;
}

function contains(subnet: string, address: string): boolean {
  const network = parseNetwork(subnet, 'invalid subnet: ');
  const inner = address.includes('/') ? parseNetwork(address) : parseAddress(address);
  if (!inner || inner.size !== network.size) return false;
  const shift = BigInt(network.size - network.bits);
  return network.address >> shift === inner.address >> shift;
}

function parseNetwork(text: string, prefix = ''): Network {
  const [head = '', bits = '', ...more] = text.split('/');
  const address = parseAddress(head);
  const valid = address && more.length === 0 && /^(0|[1-9]\d{0,2})$/.test(bits) && Number(bits) <= address.size;
  if (!valid) throw fail(`${prefix}invalid CIDR address: ${text}`);
  return { ...address, bits: Number(bits) };
}

function parseAddress(text: string): Network | undefined {
  if (!isIp(text)) return undefined;
  if (isIpv4(text)) return { address: ofGroups(text.split('.').map(Number), 8), bits: 32, size: 32 };
  const v4 = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  const plain = v4
    ? `${v4[1]}${((Number(v4[2]) << 8) | Number(v4[3])).toString(16)}:${((Number(v4[4]) << 8) | Number(v4[5])).toString(16)}`
    : text;
  const [left = '', right] = plain.split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':').map(group => Number.parseInt(group, 16)));
  const head = groups(left);
  const tail = right === undefined ? [] : groups(right);
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => 0);
  const address = ofGroups([...head, ...zeros, ...tail], 16);
  // IPv4 in the clothes of IPv6 is IPv4.
  if (address >> 32n === 0xffffn) return { address: address & 0xffffffffn, bits: 32, size: 32 };
  return { address, bits: 128, size: 128 };
}

function ofGroups(groups: readonly number[], bits: number): bigint {
  return groups.reduce((sum, group) => (sum << BigInt(bits)) | BigInt(group), 0n);
}
