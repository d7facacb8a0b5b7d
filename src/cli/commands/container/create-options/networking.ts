// Flags about networks, names and addresses.
import type { EndpointSettings, HostConfig } from '../../../../wire/types.ts';
import { quote } from '../../../format/template/quote.ts';
import { isIp, readCsv, splitPair } from '../../../framework/flag-types.ts';
import type { FlagTable, FlagValues } from '../../../framework/flags.ts';
import { parsePorts } from './ports.ts';
import { unlessEmpty } from './unless-empty.ts';

export const networkingFlags = {
  'add-host': { type: 'list', parse: parseExtraHost, summary: 'Line for /etc/hosts, as <name>:<address>' },
  dns: { type: 'list', parse: parseDns, summary: 'DNS server' },
  'dns-option': { type: 'list', also: ['dns-opt'], summary: 'Option of the DNS resolver' },
  'dns-search': { type: 'list', parse: parseDnsSearch, summary: 'Domain to search in' },
  expose: { type: 'list', summary: 'Port, or range of ports, to expose' },
  ip: { type: 'ip', shownDefault: '<nil>', summary: 'IPv4 address' },
  ip6: { type: 'ip', shownDefault: '<nil>', summary: 'IPv6 address' },
  link: { type: 'list', parse: parseLink, summary: 'Container to link to, as <name>[:<alias>]' },
  'link-local-ip': { type: 'list', summary: 'Link-local address' },
  'mac-address': { type: 'string', summary: 'MAC address' },
  network: { type: 'network', also: ['net'], parse: parseNetwork, summary: 'Network to be on' },
  'network-alias': { type: 'list', also: ['net-alias'], summary: 'One more name on the network' },
  publish: { type: 'list', short: 'p', summary: 'Port to publish, as [[<address>:]<host port>:]<port>[/<protocol>]' },
  'publish-all': { type: 'bool', short: 'P', summary: 'Publish every exposed port on a free one of the host' },
} as const satisfies FlagTable;

export type NetworkingFlags = FlagValues<typeof networkingFlags>;

export interface NetworkAttachment {
  target: string;
  aliases: string[];
  driverOptions: Record<string, string>;
  linkLocalIps: string[];
  ipv4?: string;
  ipv6?: string;
  mac?: string;
  gatewayPriority?: number;
}

function parseExtraHost(text: string): string {
  const separator = text.includes('=') ? '=' : ':';
  const [name, address] = splitPair(text, separator);
  if (!text.includes(separator) || name === '' || name.includes(':')) {
    throw new Error(`bad format for add-host: ${quote(text)}`);
  }
  const bare = address.length > 2 ? address.replace(/^\[(.*)\]$/, '$1') : address;
  if (bare !== 'host-gateway' && !isIp(bare.trim())) throw new Error(`invalid IP address in add-host: ${quote(bare)}`);
  return `${name}:${bare}`;
}

function parseDns(text: string): string {
  if (!isIp(text.trim())) throw new Error(`IP address is not correctly formatted: ${text}`);
  return text.trim();
}

const domain =
  /^(:?(?:[a-zA-Z0-9]|(?:[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))(?:\.(?:[a-zA-Z0-9]|(?:[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])))*)\.?\s*$/;

function parseDnsSearch(text: string): string {
  const trimmed = text.replace(/^ +| +$/g, '');
  if (trimmed === '.') return trimmed;
  const name = domain.exec(trimmed)?.[1];
  if (!/[a-zA-Z]/.test(trimmed) || name === undefined || name.length >= 255) {
    throw new Error(`${trimmed} is not a valid domain`);
  }
  return name;
}

function parseLink(text: string): string {
  if (text === '') throw new Error('empty string specified for links');
  if (text.split(':').length > 2) throw new Error(`bad format for links: ${text}`);
  return text;
}

const isMac = (text: string) =>
  /^([0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}|[0-9a-fA-F]{4}(\.[0-9a-fA-F]{4}){2})$/.test(text.trim());

export function parseNetwork(text: string): NetworkAttachment {
  const attachment: NetworkAttachment = { target: text, aliases: [], driverOptions: {}, linkLocalIps: [] };
  if (!/\w+=\w+(,\w+=\w+)*/.test(text)) return attachment;
  attachment.target = '';
  for (const field of readCsv(text)) {
    const [key, value] = splitPair(field.toLowerCase()).map(part => part.trim()) as [string, string];
    if (!field.includes('=') || key === '') throw new Error(`invalid field ${field}`);
    applyNetworkField(attachment, key, value);
  }
  if (attachment.target === '') throw new Error('network name/id is not specified');
  return attachment;
}

function applyNetworkField(attachment: NetworkAttachment, key: string, value: string): void {
  const address = () => {
    if (!isIp(value)) throw new Error(`ParseAddr(${quote(value)}): unable to parse IP`);
    return value;
  };
  switch (key) {
    case 'name':
      attachment.target = value;
      return;
    case 'alias':
      attachment.aliases.push(value);
      return;
    case 'ip':
      attachment.ipv4 = address();
      return;
    case 'ip6':
      attachment.ipv6 = address();
      return;
    case 'mac-address':
      attachment.mac = value;
      return;
    case 'link-local-ip':
      attachment.linkLocalIps.push(address());
      return;
    case 'driver-opt': {
      const [name, option] = splitPair(value);
      if (!value.includes('=') || name === '') throw new Error('invalid key value pair format in driver options');
      attachment.driverOptions[name.trim()] = option.trim();
      return;
    }
    case 'gw-priority':
      if (!/^[+-]?\d+$/.test(value)) throw new Error(`invalid gw-priority (${value}): invalid syntax`);
      if (BigInt.asIntN(64, BigInt(value)) !== BigInt(value)) {
        throw new Error(`invalid gw-priority (${value}): value out of range`);
      }
      attachment.gatewayPriority = Number(value);
      return;
    default:
      throw new Error(`invalid field key ${key}`);
  }
}

/** Not one of the modes that have a meaning of their own. */
function isUserDefined(target: string): boolean {
  return !['default', 'bridge', 'host', 'none'].includes(target) && !target.startsWith('container:');
}

export interface NetworkingResult {
  exposedPorts: Record<string, Record<string, never>>;
  host: HostConfig;
  endpoints: Record<string, EndpointSettings>;
}

export function networkingConfig(flags: NetworkingFlags): NetworkingResult {
  if (flags['mac-address'] !== '' && !isMac(flags['mac-address'])) {
    throw new Error(`${flags['mac-address']} is not a valid mac address`);
  }
  const ports = parsePorts(flags.publish, flags.expose);
  return {
    exposedPorts: ports.exposed,
    host: {
      NetworkMode: flags.network[0]?.target ?? 'default',
      PortBindings: ports.bindings,
      PublishAllPorts: flags['publish-all'],
      Links: unlessEmpty(flags.link),
      Dns: flags.dns,
      DnsOptions: flags['dns-option'],
      DnsSearch: flags['dns-search'],
      ExtraHosts: unlessEmpty(flags['add-host']),
    },
    endpoints: endpointsOf(flags),
  };
}

function endpointsOf(flags: NetworkingFlags): Record<string, EndpointSettings> {
  const given = flags.network.length > 0 ? flags.network : [parseNetwork('default')];
  const endpoints: Record<string, EndpointSettings> = {};
  const kinds = new Set(flags.network.map(({ target }) => isUserDefined(target)));
  for (const [i, attachment] of given.entries()) {
    const endpoint = endpointOf(attachment, i === 0 ? flags : undefined);
    if (endpoints[attachment.target])
      throw new Error(`network ${quote(attachment.target)} is specified multiple times`);
    // A single network without settings of its own needs no more than its name.
    if (given.length === 1 && flags.network.length === 1 && Object.keys(endpoint).length === 0) continue;
    endpoints[attachment.target] = endpoint;
  }
  if (kinds.size > 1) {
    throw new Error('conflicting options: cannot attach both user-defined and non-user-defined network-modes');
  }
  return endpoints;
}

/** The settings on a network; the flags without a network's name belong to the first one. */
function endpointOf(attachment: NetworkAttachment, flags: NetworkingFlags | undefined): EndpointSettings {
  const either = (one: boolean, other: boolean, what: string) => {
    if (one && other) throw new Error(`conflicting options: cannot specify both ${what}`);
  };
  if (flags) {
    const { aliases, ipv4, ipv6, mac, linkLocalIps } = attachment;
    either(aliases.length > 0, flags['network-alias'].length > 0, '--network-alias and per-network alias');
    either(ipv4 !== undefined, flags.ip !== '', '--ip and per-network IPv4 address');
    either(ipv6 !== undefined, flags.ip6 !== '', '--ip6 and per-network IPv6 address');
    either(mac !== undefined, flags['mac-address'] !== '', '--mac-address and per-network MAC address');
    either(
      linkLocalIps.length > 0,
      flags['link-local-ip'].length > 0,
      '--link-local-ip and per-network link-local IP addresses',
    );
  }
  const aliases = flags && flags['network-alias'].length > 0 ? flags['network-alias'] : attachment.aliases;
  const links = flags && isUserDefined(attachment.target) ? flags.link : [];
  const linkLocal = flags && flags['link-local-ip'].length > 0 ? flags['link-local-ip'] : attachment.linkLocalIps;
  const ipv4 = flags?.ip || attachment.ipv4;
  const ipv6 = flags?.ip6 || attachment.ipv6;
  const mac = flags?.['mac-address'] || attachment.mac;

  if (attachment.target.trim() === '') throw new Error('no name set for network');
  if (!isUserDefined(attachment.target) && aliases.length > 0) {
    throw new Error('network-scoped aliases are only supported for user-defined networks');
  }
  if (mac !== undefined && !isMac(mac)) throw new Error(`${mac} is not a valid mac address`);
  return {
    ...(attachment.gatewayPriority && { GwPriority: attachment.gatewayPriority }),
    ...(aliases.length > 0 && { Aliases: aliases }),
    ...(Object.keys(attachment.driverOptions).length > 0 && { DriverOpts: attachment.driverOptions }),
    ...(links.length > 0 && { Links: links }),
    ...((ipv4 || ipv6 || linkLocal.length > 0) && {
      IPAMConfig: {
        ...(ipv4 && { IPv4Address: ipv4 }),
        ...(ipv6 && { IPv6Address: ipv6 }),
        ...(linkLocal.length > 0 && { LinkLocalIPs: linkLocal }),
      },
    }),
    ...(mac && { MacAddress: mac.trim() }),
  };
}
