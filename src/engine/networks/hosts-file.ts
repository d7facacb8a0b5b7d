// The lines of a container's /etc/hosts.
import { readFileSync } from 'node:fs';
import { errnoOf, invalid } from '../../lib/errors.ts';
import { parseAddress } from '../../network/addresses.ts';
import type { NetworkContext } from './context.ts';
import { activeEndpoints } from './gateway.ts';
import { linksOf } from './links.ts';
import type { HostsEntry } from './networks.ts';
import type { SandboxRecord } from './record.ts';

const HOST_GATEWAY = 'host-gateway';

export function hostsEntries(context: NetworkContext, sandbox: SandboxRecord): HostsEntry[] {
  const links = linksOf(context, sandbox).flatMap(link =>
    link.addresses.map(address => ({ address, names: link.names })),
  );
  return [...extraHosts(context, sandbox), ...links, ...ownNames(context, sandbox)];
}

/** In the host's namespace it is the host's own file, as long as nothing is added to it. */
export const hostHosts = (context: NetworkContext, sandbox: SandboxRecord): readonly HostsEntry[] | string =>
  (sandbox.extraHosts.length === 0 && readHosts()) || extraHosts(context, sandbox);

function readHosts(): string {
  try {
    return readFileSync('/etc/hosts', 'utf8');
  } catch (error) {
    // A host without the file has no names to pass on.
    if (errnoOf(error) === 'ENOENT') return '';
    throw error;
  }
}

function ownNames(context: NetworkContext, sandbox: SandboxRecord): HostsEntry[] {
  const full = sandbox.domainname ? `${sandbox.hostname}.${sandbox.domainname}` : sandbox.hostname;
  if (full === '') return [];
  const short = full.split('.')[0]!;
  const names = short === full ? [full] : [full, short];
  return activeEndpoints(context, sandbox)
    .filter(({ endpoint }) => !endpoint.gatewayService)
    .flatMap(({ live }) =>
      [live.ipv4, live.ipv6].flatMap(address => (address ? [{ address: address.address, names }] : [])),
    );
}

/** "name:address" or "name=address"; an address of `host-gateway` is the host's, as the container reaches it. */
function extraHosts(context: NetworkContext, sandbox: SandboxRecord): HostsEntry[] {
  return sandbox.extraHosts.flatMap(line => {
    const { name, address } = splitExtraHost(line);
    if (address !== HOST_GATEWAY) return [{ address, names: [name] }];
    return hostGateways(context).map(gateway => ({ address: gateway, names: [name] }));
  });
}

export function splitExtraHost(line: string): { name: string; address: string } {
  const separator = line.search(/[:=]/);
  const name = separator < 0 ? '' : line.slice(0, separator);
  const address = line.slice(separator + 1).replace(/^\[(.*)\]$/, '$1');
  if (name === '' || address === '') throw invalid(`bad format for add-host: "${line}"`);
  if (address !== HOST_GATEWAY && !parseAddress(address)) {
    throw invalid(`invalid IP address in add-host: "${address}"`);
  }
  return { name, address };
}

/** What the engine was told, or else its default bridge. */
function hostGateways(context: NetworkContext): readonly string[] {
  const { hostGatewayIps } = context.config;
  if (hostGatewayIps.length > 0) return hostGatewayIps;
  const { record } = context.defaultBridge;
  if (record) context.defaultBridge.ensure(record);
  const gateways = record?.ipam.pools.flatMap(({ Gateway }) => (Gateway ? [Gateway] : [])) ?? [];
  if (gateways.length === 0) throw invalid('unable to derive the IP value for host-gateway');
  return gateways;
}
