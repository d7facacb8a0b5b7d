// Published and exposed ports: [ip:][host port:]container port[/protocol], each port also as a range.
import type { PortBinding } from '../../../../wire/types.ts';
import { isIp, splitPair } from '../../../framework/flag-types.ts';

export interface Ports {
  exposed: Record<string, Record<string, never>>;
  bindings: Record<string, PortBinding[]>;
}

export function parsePorts(published: readonly string[], exposed: readonly string[]): Ports {
  const ports: Ports = { exposed: {}, bindings: {} };
  for (const spec of published.map(fromNamedFields)) {
    for (const [port, binding] of parsePublished(spec)) {
      ports.exposed[port] = {};
      const bindings = ports.bindings[port] ?? [];
      ports.bindings[port] = bindings;
      bindings.push(binding);
    }
  }
  for (const spec of exposed) {
    for (const port of parseExposed(spec)) ports.exposed[port] = {};
  }
  return ports;
}

/** `published=8080,target=80,protocol=tcp`. */
function fromNamedFields(spec: string): string {
  if (!spec.includes('=')) return spec;
  const fields: Record<string, string> = { protocol: 'tcp' };
  for (const field of spec.split(',')) {
    const [name, value] = splitPair(field);
    if (name === '' || !field.includes('=')) {
      throw new Error(`invalid publish opts format (should be name=value but got '${field}')`);
    }
    fields[name] = value;
  }
  return `${fields.published ?? ''}:${fields.target ?? ''}/${fields.protocol}`;
}

function parsePublished(spec: string): [string, PortBinding][] {
  const parts = spec.split(':');
  const container = parts.pop()!;
  const host = parts.pop() ?? '';
  const ip = parts.join(':');
  const [range, givenProtocol] = splitPair(container, '/');
  if (range === '') throw new Error(`no port specified: ${spec}<empty>`);
  const protocol = (givenProtocol || 'tcp').toLowerCase();
  if (!['tcp', 'udp', 'sctp'].includes(protocol)) throw new Error(`invalid proto: ${protocol}`);
  const address = ip.startsWith('[') ? bracketed(ip) : ip;
  if (address !== '' && !isIp(address)) throw new Error(`invalid IP address: ${address}`);

  const inside = parseRange(range);
  if (!inside) throw new Error(`invalid containerPort: ${range}`);
  const outside = host === '' ? undefined : parseRange(host);
  if (host !== '' && !outside) throw new Error(`invalid hostPort: ${host}`);
  const count = inside.last - inside.first + 1;
  if (outside && outside.last - outside.first + 1 !== count && count !== 1) {
    throw new Error(`invalid ranges specified for container and host Ports: ${range} and ${host}`);
  }
  return Array.from({ length: count }, (_, i) => {
    let hostPort = outside ? String(outside.first + i) : '';
    // One port inside and several outside: the engine picks a free one.
    if (outside && count === 1 && outside.first !== outside.last) hostPort += `-${outside.last}`;
    return [`${inside.first + i}/${protocol}`, { HostIp: address, HostPort: hostPort }];
  });
}

function bracketed(ip: string): string {
  if (!ip.endsWith(']')) throw new Error(`invalid IP address ${ip}: address ${ip}:: missing ']' in address`);
  return ip.slice(1, -1);
}

interface Range {
  first: number;
  last: number;
}

function parseRange(text: string): Range | undefined {
  const match = /^\+?(\d+)(?:-\+?(\d+))?$/.exec(text);
  if (!match) return undefined;
  const first = Number(match[1]);
  const last = match[2] === undefined ? first : Number(match[2]);
  return first > 65535 || last > 65535 || last < first ? undefined : { first, last };
}

function parseExposed(spec: string): string[] {
  const [text, protocol] = splitPair(spec, '/');
  const range = parseRange(text);
  if (!range) throw new Error(`invalid range format for --expose: invalid port range '${spec}'`);
  const ports: string[] = [];
  for (let port = range.first; port <= range.last; port++) ports.push(`${port}/${(protocol || 'tcp').toLowerCase()}`);
  return ports;
}
