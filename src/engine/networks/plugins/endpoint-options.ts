// What plugins are told of an endpoint beside its addresses, in the protocol's words.
import { OPTION } from '../../../network/drivers/options.ts';
import type { EndpointRecord, Protocol, SandboxRecord } from '../record.ts';
import { parsePort, parseRange } from '../register.ts';

const MAC_ADDRESS = 'com.docker.network.endpoint.macaddress';
const EXPOSED_PORTS = 'com.docker.network.endpoint.exposedports';
const PORT_MAP = 'com.docker.network.portmap';
const PROTOCOL_NUMBERS: Record<Protocol, number> = { tcp: 6, udp: 17, sctp: 132 };
/** Ours to see to. */
const OWN_OPTIONS: readonly string[] = [OPTION.endpointInterface, OPTION.endpointSysctls];

export function endpointOptions(
  sandbox: SandboxRecord,
  endpoint: EndpointRecord,
  macAddress: string,
): Record<string, unknown> {
  const asked = Object.entries(endpoint.driverOptions).filter(([name]) => !OWN_OPTIONS.includes(name));
  return {
    ...Object.fromEntries(asked),
    ...(macAddress === '' ? {} : { [MAC_ADDRESS]: macAddress }),
    ...publishedOptions(sandbox),
  };
}

/** The ports that are to be reached from outside, and those that the image speaks of. */
export function publishedOptions(sandbox: SandboxRecord): Record<string, unknown> {
  const exposed = new Set([...sandbox.exposedPorts, ...Object.keys(sandbox.portBindings)]);
  return {
    [EXPOSED_PORTS]: [...exposed].flatMap(key => {
      const port = parsePort(key);
      return port ? [{ Proto: PROTOCOL_NUMBERS[port.protocol], Port: port.port }] : [];
    }),
    [PORT_MAP]: [...exposed].flatMap(key => bindingsOf(sandbox, key)),
  };
}

function bindingsOf(sandbox: SandboxRecord, key: string): object[] {
  const port = parsePort(key);
  if (!port) return [];
  const asked = sandbox.portBindings[key] ?? [];
  const bindings = asked.length === 0 && sandbox.publishAllPorts ? [{}] : asked;
  return bindings.map(({ HostIp = '', HostPort = '' }: { HostIp?: string; HostPort?: string }) => {
    const { first, last } = parseRange(HostPort) ?? { first: 0, last: 0 };
    return {
      Proto: PROTOCOL_NUMBERS[port.protocol],
      IP: '',
      Port: port.port,
      HostIP: HostIp,
      HostPort: first,
      HostPortEnd: last,
    };
  });
}
