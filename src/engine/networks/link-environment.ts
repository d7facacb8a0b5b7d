// The variables by which a linked container tells where it is: DB_PORT_5432_TCP_ADDR and the like.
import type { NetworkContext } from './context.ts';
import { linksOf } from './links.ts';
import type { Protocol, SandboxRecord } from './record.ts';
import { parsePort } from './register.ts';

/** They come with every image and say nothing of a container. */
const UNTOLD = ['HOME', 'PATH'];

export function linkEnvironment(context: NetworkContext, sandbox: SandboxRecord): string[] {
  return linksOf(context, sandbox).flatMap(({ target, alias, addresses }) =>
    variables({
      alias,
      address: addresses[0] ?? '',
      name: `/${sandbox.name}/${alias}`,
      ports: [...new Set([...target.exposedPorts, ...Object.keys(target.portBindings)])],
      environment: context.users.environment(target.container),
    }),
  );
}

interface Linked {
  alias: string;
  address: string;
  /** As the parent knows it. */
  name: string;
  ports: readonly string[];
  environment: readonly string[];
}

interface Port {
  port: number;
  protocol: Protocol;
}

export function variables({ alias, address, name, ports, environment }: Linked): string[] {
  const prefix = alias.toUpperCase().replaceAll('-', '_');
  const sorted = ports.flatMap(text => parsePort(text) ?? []).sort(tcpFirst);
  const url = ({ port, protocol }: Port) => `${protocol}://${address}:${port}`;
  const ofPort = ({ port, protocol }: Port) => `${prefix}_PORT_${port}_${protocol.toUpperCase()}`;
  const [first] = sorted;
  return [
    ...(first ? [`${prefix}_PORT=${url(first)}`] : []),
    ...sorted.flatMap(port => [
      `${ofPort(port)}=${url(port)}`,
      `${ofPort(port)}_ADDR=${address}`,
      `${ofPort(port)}_PORT=${port.port}`,
      `${ofPort(port)}_PROTO=${port.protocol}`,
    ]),
    ...ranges(sorted).flatMap(([start, end]) => [
      `${ofPort(start)}_START=${url(start)}`,
      `${ofPort(start)}_PORT_START=${start.port}`,
      `${ofPort(start)}_END=${url(end)}`,
      `${ofPort(start)}_PORT_END=${end.port}`,
    ]),
    `${prefix}_NAME=${name}`,
    ...environment.flatMap(line => {
      const equals = line.indexOf('=');
      const told = equals > 0 && !UNTOLD.includes(line.slice(0, equals));
      return told ? [`${prefix}_ENV_${line}`] : [];
    }),
  ];
}

function tcpFirst(a: Port, b: Port): number {
  if (a.protocol === b.protocol) return a.port - b.port;
  if (a.protocol === 'tcp') return -1;
  if (b.protocol === 'tcp') return 1;
  return a.protocol < b.protocol ? -1 : 1;
}

/** Runs of two and more. */
function ranges(sorted: readonly Port[]): [Port, Port][] {
  const found: [Port, Port][] = [];
  let start = sorted[0];
  for (const [index, port] of sorted.entries()) {
    const next = sorted[index + 1];
    if (next?.protocol === port.protocol && next.port === port.port + 1) continue;
    if (start && start !== port) found.push([start, port]);
    start = next;
  }
  return found;
}
