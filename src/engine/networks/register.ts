// A create request's networking part: checked whole, then stored as the container's sandbox record.
import { invalid } from '../../lib/errors.ts';
import { parseAddress } from '../../network/addresses.ts';
import type { EndpointSettings, HostConfig, PortMap } from '../../wire/types.ts';
import { splitExtraHost } from './hosts-file.ts';
import type { NetworkRequest } from './networks.ts';
import type { EndpointRecord, SandboxRecord } from './record.ts';

export const isContainerMode = (mode: string) => mode === 'container' || mode.startsWith('container:');
export const isPrivateMode = (mode: string) => mode !== 'host' && !isContainerMode(mode);
const PREDEFINED = ['bridge', 'host', 'none', 'default'];
export const isPredefined = (name: string) => PREDEFINED.includes(name);
export const isUserDefined = (mode: string) => !isPredefined(mode) && !isContainerMode(mode);

export function sandboxRecord(request: NetworkRequest, defaultMode: string): SandboxRecord {
  const { hostConfig } = request;
  const mode = request.mode === '' || request.mode === 'default' ? defaultMode : request.mode;
  checkMode(mode, request);
  checkPorts(hostConfig);
  hostConfig.ExtraHosts?.forEach(splitExtraHost);
  for (const server of hostConfig.Dns ?? []) {
    if (!parseAddress(server)) throw invalid(`invalid IP address of a DNS server: "${server}"`);
  }
  return {
    container: request.container,
    name: request.name,
    hostname: request.hostname,
    domainname: request.domainname,
    mode,
    dns: hostConfig.Dns ?? [],
    dnsSearch: hostConfig.DnsSearch ?? [],
    dnsOptions: hostConfig.DnsOptions ?? [],
    extraHosts: hostConfig.ExtraHosts ?? [],
    links: hostConfig.Links ?? [],
    portBindings: normalizedPorts(hostConfig.PortBindings ?? {}),
    publishAllPorts: hostConfig.PublishAllPorts ?? false,
    exposedPorts: request.exposedPorts.map(portKey),
    endpoints: endpointsOf(mode, request),
    live: undefined,
  };
}

function endpointsOf(mode: string, request: NetworkRequest): Record<string, EndpointRecord> {
  if (isContainerMode(mode)) return {};
  const endpoints: Record<string, EndpointRecord> = {};
  for (const [key, settings] of Object.entries(request.endpoints)) {
    if (!settings) throw invalid(`invalid config for network ${key}: EndpointsConfig is nil`);
    endpoints[key === 'default' ? mode : key] = endpointRecord(settings);
  }
  if (Object.keys(endpoints).length === 0) endpoints[mode] = endpointRecord({});
  const main = endpoints[mode];
  if (main && request.macAddress && !main.macAddress) main.macAddress = request.macAddress;
  return endpoints;
}

export function endpointRecord(settings: EndpointSettings): EndpointRecord {
  return {
    network: undefined,
    ipam: settings.IPAMConfig ?? undefined,
    links: settings.Links ?? [],
    aliases: settings.Aliases ?? [],
    macAddress: settings.MacAddress ?? '',
    driverOptions: settings.DriverOpts ?? {},
    gatewayPriority: settings.GwPriority ?? 0,
    live: undefined,
  };
}

function checkMode(mode: string, { hostConfig, exposedPorts, endpoints }: NetworkRequest): void {
  const conflicting = (what: string) => invalid(`conflicting options: ${what}`);
  if (mode === 'host' && hostConfig.Links?.length) {
    throw conflicting("host type networking can't be used with links. This would result in undefined behavior");
  }
  if (!isContainerMode(mode)) return;
  if (mode === 'container' || mode === 'container:') {
    throw invalid('invalid container format container:<name|id>');
  }
  if (hostConfig.Links?.length) {
    throw conflicting("container type network can't be used with links. This would result in undefined behavior");
  }
  if (hostConfig.Dns?.length) throw conflicting('dns and the network mode');
  if (hostConfig.ExtraHosts?.length) throw conflicting('custom host-to-IP mapping and the network mode');
  if (Object.keys(hostConfig.PortBindings ?? {}).length > 0 || hostConfig.PublishAllPorts) {
    throw conflicting('port publishing and the container type network mode');
  }
  if (exposedPorts.length > 0) throw conflicting('port exposing and the container type network mode');
  if (Object.keys(endpoints).some(name => name !== mode)) {
    throw invalid(
      'container sharing network namespace with another container or host cannot be connected to any other network',
    );
  }
}

function checkPorts(hostConfig: HostConfig): void {
  for (const [key, bindings] of Object.entries(hostConfig.PortBindings ?? {})) {
    if (!parsePort(key)) throw invalid(`invalid port specification: "${key}"`);
    for (const { HostIp: address = '', HostPort: port = '' } of bindings ?? []) {
      if (address !== '' && !parseAddress(address)) throw invalid(`invalid host IP address: "${address}"`);
      if (port !== '' && !parseRange(port)) throw invalid(`invalid port specification: "${port}"`);
    }
  }
}

/** "80/tcp"; without a protocol it is tcp. */
export function parsePort(text: string): { port: number; protocol: 'tcp' | 'udp' | 'sctp' } | undefined {
  const [, digits, protocol = 'tcp'] = /^(\d{1,5})(?:\/(tcp|udp|sctp))?$/i.exec(text) ?? [];
  const port = Number(digits);
  if (!digits || port < 1 || port > 65535) return undefined;
  return { port, protocol: protocol.toLowerCase() as 'tcp' | 'udp' | 'sctp' };
}

/** With its protocol, always. */
function portKey(text: string): string {
  const parsed = parsePort(text);
  if (!parsed) throw invalid(`invalid port specification: "${text}"`);
  return `${parsed.port}/${parsed.protocol}`;
}

const normalizedPorts = (ports: PortMap): PortMap =>
  Object.fromEntries(Object.entries(ports).map(([key, bindings]) => [portKey(key), bindings]));

/** "8000" or "8000-8010". */
export function parseRange(text: string): { first: number; last: number } | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  if (!match) return undefined;
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  return first <= last && last <= 65535 ? { first, last } : undefined;
}
