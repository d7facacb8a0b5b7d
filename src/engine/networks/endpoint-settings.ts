// What may be asked of an endpoint, and what is wrong with what was asked.
import { invalid } from '../../lib/errors.ts';
import { contains, isUnspecified, parseAddress, requirePrefix } from '../../network/addresses.ts';
import { INTERFACE_NAME_RULE, isInterfaceName } from '../../network/drivers/interface-name.ts';
import { OPTION } from '../../network/drivers/options.ts';
import type { EndpointRecord, NetworkRecord } from './record.ts';
import { isUserDefined } from './register.ts';

type Asked = Pick<EndpointRecord, 'ipam' | 'aliases' | 'driverOptions' | 'macAddress'>;

/** `network` is undefined as long as it does not exist; then its subnets can't be compared. */
export function checkEndpoint(name: string, network: NetworkRecord | undefined, asked: Asked): void {
  const problems = [
    ...predefinedProblems(name, asked),
    ...addressProblems(asked),
    ...rangeProblems(network, asked),
    ...sysctlProblems(asked),
    ...interfaceNameProblems(asked),
  ];
  if (asked.macAddress !== '' && !isMacAddress(asked.macAddress)) {
    problems.push(`invalid MAC address: ${asked.macAddress}`);
  } else if (asked.macAddress !== '' && !isOfOne(asked.macAddress)) {
    problems.push(`invalid MAC address: ${asked.macAddress} is not one that a single interface can have`);
  }
  if (problems.length > 0) throw invalid(`invalid endpoint settings:\n${problems.join('\n')}`);
}

const isMacAddress = (text: string) => /^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i.test(text);

/** Not of a group of them, nor of none: the kernel's refusal would come at the start, and say nothing. */
const isOfOne = (mac: string) => (Number.parseInt(mac.slice(0, 2), 16) & 1) === 0 && !/^[0:-]*$/.test(mac);

function predefinedProblems(name: string, { ipam, aliases }: Asked): string[] {
  if (isUserDefined(name)) return [];
  const problems: string[] = [];
  if (ipam?.IPv4Address || ipam?.IPv6Address) {
    problems.push('user-specified IP address is supported on user-defined networks only');
  }
  if (aliases.length > 0) problems.push('network-scoped aliases are only supported for user-defined networks');
  return problems;
}

function addressProblems({ ipam }: Asked): string[] {
  const problems: string[] = [];
  const check = (text: string | undefined, family: 4 | 6) => {
    if (!text) return;
    const address = parseAddress(text);
    if (address?.family !== family || isUnspecified(address)) problems.push(`invalid IPv${family} address: ${text}`);
  };
  check(ipam?.IPv4Address, 4);
  check(ipam?.IPv6Address, 6);
  for (const text of ipam?.LinkLocalIPs ?? []) {
    const address = parseAddress(text);
    if (!address || isUnspecified(address)) problems.push(`invalid link-local IP address: ${text}`);
  }
  return problems;
}

function rangeProblems(network: NetworkRecord | undefined, { ipam }: Asked): string[] {
  if (!network) return [];
  return [ipam?.IPv4Address, ipam?.IPv6Address].flatMap(text => {
    const address = text ? parseAddress(text) : undefined;
    if (!address) return [];
    const inside = network.ipam.pools.some(({ Subnet }) => Subnet && contains(requirePrefix(Subnet), address));
    return inside ? [] : [`no configured subnet contains IP address ${text}`];
  });
}

/** net.FAMILY.X.IFNAME.Y=V */
const INTERFACE_SYSCTL = /^net\.(ipv4|ipv6|mpls)\.([^.=]+)\.(?:IFNAME|ifname)\.([^.=]+)=(.*)$/;

function sysctlProblems({ driverOptions }: Asked): string[] {
  return (driverOptions[OPTION.endpointSysctls] ?? '').split(',').flatMap(sysctl => {
    if (sysctl === '' || INTERFACE_SYSCTL.test(sysctl)) return [];
    return [
      `unrecognised network interface sysctl '${sysctl}'; represent 'net.X.Y.ethN.Z=V' as 'net.X.Y.IFNAME.Z=V', 'X' must be 'ipv4', 'ipv6' or 'mpls'`,
    ];
  });
}

function interfaceNameProblems({ driverOptions }: Asked): string[] {
  const name = driverOptions[OPTION.endpointInterface];
  if (name === undefined || name === '' || (name !== 'lo' && isInterfaceName(name))) return [];
  return [`invalid interface name '${name}': ${INTERFACE_NAME_RULE}`];
}

/** As paths below /proc/sys, for an interface that has its name by now. */
export function endpointSysctls(
  driverOptions: Readonly<Record<string, string>>,
  interfaceName: string,
): Record<string, string> {
  const values: Record<string, string> = {};
  for (const sysctl of (driverOptions[OPTION.endpointSysctls] ?? '').split(',')) {
    const [, family, group, key, value] = INTERFACE_SYSCTL.exec(sysctl) ?? [];
    if (key !== undefined) values[`net/${family}/${group}/${interfaceName}/${key}`] = value ?? '';
  }
  return values;
}
