// The PORTS column: neighbouring ports are drawn together, `0.0.0.0:80-82->80-82/tcp`.
import type { PortSummary } from '../../wire/types.ts';

interface Range {
  first: number;
  last: number;
}

function compare(a: string | number, b: string | number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function comparePorts(a: PortSummary, b: PortSummary): number {
  return (
    compare(a.PrivatePort, b.PrivatePort) ||
    compare(a.IP ?? '', b.IP ?? '') ||
    compare(a.PublicPort ?? 0, b.PublicPort ?? 0) ||
    compare(a.Type, b.Type)
  );
}

function hostPort(ip: string, port: string): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}

function rangeText(ip: string, type: string, { first, last }: Range): string {
  const ports = first === last ? String(first) : `${first}-${last}`;
  return `${ip === '' ? '' : `${hostPort(ip, ports)}->`}${ports}/${type}`;
}

export function portsText(ports: readonly PortSummary[]): string {
  const finished: string[] = [];
  const translated: string[] = [];
  // Open ranges, in the order in which their kind was first seen.
  const open = new Map<string, { ip: string; type: string; range: Range }>();
  for (const { IP: ip = '', PrivatePort: port, PublicPort: publicPort = 0, Type: type } of ports.toSorted(
    comparePorts,
  )) {
    if (ip !== '' && publicPort !== port) {
      translated.push(`${hostPort(ip, String(publicPort))}->${port}/${type}`);
      continue;
    }
    const key = `${ip}/${type}`;
    const entry = open.get(key);
    if (!entry) open.set(key, { ip, type, range: { first: port, last: port } });
    else if (port === entry.range.last + 1) entry.range.last = port;
    else {
      finished.push(rangeText(ip, type, entry.range));
      entry.range = { first: port, last: port };
    }
  }
  const rest = [...open.values()].map(({ ip, type, range }) => rangeText(ip, type, range));
  return [...finished, ...rest, ...translated].join(', ');
}
