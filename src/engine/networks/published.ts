// Which ports of the host lead to a container: what was asked for, as far as its networks allow.
import { existsSync, readFileSync } from 'node:fs';
import { DockyardError, messageOf } from '../../lib/errors.ts';
import { formatAddress, requireAddress } from '../../network/addresses.ts';
import { bridgeOptions } from '../../network/drivers/bridge.ts';
import { OPTION } from '../../network/drivers/options.ts';
import type { PortRequest } from '../../network/port-holder.ts';
import type { NetworkContext } from './context.ts';
import { type ActiveEndpoint, gatewayEndpoint } from './gateway.ts';
import type { Protocol, PublishedPort, SandboxRecord } from './record.ts';
import { parsePort, parseRange } from './register.ts';

interface Binding {
  protocol: Protocol;
  port: number;
  hostAddress: string;
  first: number;
  last: number;
}

/**
 * Holds the ports and writes them into the endpoints they belong to. All or nothing. A random port stays what it was
 * `before`.
 */
export function publishPorts(
  context: NetworkContext,
  sandbox: SandboxRecord,
  before: readonly PublishedPort[] = [],
): void {
  const ways = {
    4: publishable(context, gatewayEndpoint(context, sandbox, 4)),
    6: publishable(context, gatewayEndpoint(context, sandbox, 6)),
  };
  const published: { way: ActiveEndpoint; port: PublishedPort }[] = [];
  try {
    for (const binding of bindingsOf(sandbox).map(asked => remembered(asked, before))) {
      for (const target of targetsOf(context, binding, ways)) published.push(...hold(context, binding, target));
    }
  } catch (error) {
    for (const { port } of published) release(context, port);
    const endpoint = ways[4] ?? ways[6];
    throw new DockyardError(
      'failed',
      `driver failed programming external connectivity on endpoint ${sandbox.name} (${endpoint?.live.id}): ${messageOf(error)}`,
      { cause: error },
    );
  }
  for (const { way, port } of published) way.live.ports.push(port);
}

export function releasePorts(context: NetworkContext, ports: readonly PublishedPort[]): void {
  for (const port of ports) release(context, port);
}

function release(context: NetworkContext, port: PublishedPort): void {
  const { protocol, hostAddress, hostPort } = port;
  if (hostPort === 0) return;
  context.proxies.release(port);
  context.ports.release({ protocol, hostAddress, port: hostPort });
}

/** Once the ports are stored, and lead somewhere. */
export function proxyPorts(context: NetworkContext, sandbox: SandboxRecord): void {
  for (const { live } of Object.values(sandbox.endpoints)) {
    for (const port of live?.ports ?? []) context.proxies.watch(port, () => context.store.saveSandbox(sandbox));
  }
}

/** Ports need a bridge behind them; other drivers put the container on a network of its own. */
function publishable(context: NetworkContext, active: ActiveEndpoint | undefined): ActiveEndpoint | undefined {
  return active && context.host.driver(active.network).firewall(active.network) ? active : undefined;
}

function bindingsOf(sandbox: SandboxRecord): Binding[] {
  const bindings: Binding[] = [];
  const keys = new Set([
    ...Object.keys(sandbox.portBindings),
    ...(sandbox.publishAllPorts ? sandbox.exposedPorts : []),
  ]);
  for (const key of keys) {
    const parsed = parsePort(key);
    if (!parsed) continue;
    const asked = sandbox.portBindings[key] ?? [];
    const list = asked.length === 0 && sandbox.publishAllPorts ? [{}] : asked;
    for (const { HostIp = '', HostPort: range = '' } of list as { HostIp?: string; HostPort?: string }[]) {
      // One address has one form, here and in the books of who holds what.
      const hostAddress = HostIp && formatAddress(requireAddress(HostIp));
      bindings.push({ ...parsed, hostAddress, ...(parseRange(range) ?? { first: 0, last: 0 }) });
    }
  }
  return bindings.sort((a, b) => a.port - b.port);
}

function remembered(binding: Binding, before: readonly PublishedPort[]): Binding {
  if (binding.first === binding.last && binding.first !== 0) return binding;
  const known = before.find(
    port =>
      port.protocol === binding.protocol &&
      port.containerPort === binding.port &&
      port.hostPort > 0 &&
      (binding.hostAddress === '' || binding.hostAddress === port.hostAddress),
  );
  return known ? { ...binding, first: known.hostPort, last: known.hostPort } : binding;
}

interface Target {
  request: PortRequest;
  /** By family of the host's address. */
  ways: { way: ActiveEndpoint; hostAddress: string; containerAddress: string; routed: boolean }[];
}

function targetsOf(
  context: NetworkContext,
  binding: Binding,
  ways: Record<4 | 6, ActiveEndpoint | undefined>,
): Target[] {
  const addresses = hostAddressesOf(binding, ways);
  const targets = addresses.flatMap(hostAddress => {
    const family = hostAddress.includes(':') ? 6 : 4;
    const own = ways[family];
    const container = family === 4 ? own?.live.ipv4 : own?.live.ipv6;
    if (own && container) {
      const options = bridgeOptions(own.network.options);
      const mode = family === 4 ? options.mode4 : options.mode6;
      return [{ way: own, hostAddress, containerAddress: container.address, routed: mode === 'routed' }];
    }
    const other = family === 6 && context.config.userlandProxy ? ways[4] : undefined;
    if (!other?.live.ipv4 || bridgeOptions(other.network.options).mode4 === 'routed') return [];
    return [{ way: other, hostAddress, containerAddress: other.live.ipv4.address, routed: false }];
  });
  if (targets.length === 0) return [];
  const { protocol, first, last } = binding;
  const hostAddresses = targets.filter(target => !target.routed).map(target => target.hostAddress);
  return [{ request: { protocol, hostAddresses, first, last }, ways: targets }];
}

function hostAddressesOf(binding: Binding, ways: Record<4 | 6, ActiveEndpoint | undefined>): string[] {
  if (binding.hostAddress !== '') return [binding.hostAddress];
  const usual = (ways[4] ?? ways[6])?.network.options[OPTION.hostBinding] || '0.0.0.0';
  if (usual !== '0.0.0.0') return [usual];
  return hasIPv6() ? ['0.0.0.0', '::'] : ['0.0.0.0'];
}

/** Some interface of the host has an address, be it the loopback's. */
const hasIPv6 = () => existsSync('/proc/net/if_inet6') && readFileSync('/proc/net/if_inet6', 'utf8') !== '';

function hold(
  context: NetworkContext,
  binding: Binding,
  target: Target,
): { way: ActiveEndpoint; port: PublishedPort }[] {
  const held = target.request.hostAddresses.length > 0 ? context.ports.hold(target.request) : [];
  return target.ways.map(({ way, hostAddress, containerAddress, routed }) => ({
    way,
    port: {
      protocol: binding.protocol,
      containerAddress,
      containerPort: binding.port,
      hostAddress,
      hostPort: routed ? 0 : held[0]!.port,
    },
  }));
}
