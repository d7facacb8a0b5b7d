// Where the daemon listens: `-H unix:///run/x.sock`, `-H tcp://127.0.0.1:2376`, `-H fd://`.
import { isIPv6 } from 'node:net';
import { forbidden, invalid } from '../lib/errors.ts';

export type Host =
  | { kind: 'unix'; path: string }
  | { kind: 'tcp'; hostname: string; port: number }
  /** Sockets that the service manager made: one by its name or number, or all of them. */
  | { kind: 'fd'; which: string };

export const DEFAULT_SOCKET = '/var/run/docker.sock';
const PLAIN_PORT = 2375;
const TLS_PORT = 2376;

export function parseHosts(given: readonly string[], tls: boolean): Host[] {
  if (given.length === 0) return [{ kind: 'unix', path: DEFAULT_SOCKET }];
  return given.map(host => parseHost(host.trim(), tls));
}

export function parseHost(text: string, tls: boolean): Host {
  if (text === '') return { kind: 'unix', path: DEFAULT_SOCKET };
  const scheme = /^([a-z]+):\/\/(.*)$/s.exec(text);
  const [kind, rest] = scheme ? [scheme[1]!, scheme[2]!] : ['tcp', text];
  switch (kind) {
    case 'unix': {
      const path = rest === '' ? DEFAULT_SOCKET : rest;
      if (!path.startsWith('/')) throw badHost(text, 'the path of a unix socket must be absolute');
      return { kind: 'unix', path };
    }
    case 'tcp':
      return parseTcp(text, rest, tls ? TLS_PORT : PLAIN_PORT);
    case 'fd':
      return { kind: 'fd', which: rest };
    default:
      throw badHost(text, `${kind} is none of unix, tcp and fd`);
  }
}

function parseTcp(text: string, rest: string, defaultPort: number): Host {
  const address = rest.replace(/\/$/, '');
  const match = /^(?:\[([^\]]*)\]|([^:[\]/]*))(?::(\d*))?$/.exec(address);
  if (!match) throw badHost(text, 'expected tcp://address:port');
  const [, v6, name = '', portText] = match;
  if (v6 !== undefined && !isIPv6(v6.split('%')[0]!)) throw badHost(text, `${v6} is no IPv6 address`);
  const port = portText ? Number(portText) : defaultPort;
  if (port > 65535) throw badHost(text, `${port} is no port`);
  // Without an address Docker means this machine only.
  return { kind: 'tcp', hostname: v6 ?? (name || '127.0.0.1'), port };
}

export function describeHost(host: Host): string {
  switch (host.kind) {
    case 'unix':
      return host.path;
    case 'tcp':
      return host.hostname.includes(':') ? `[${host.hostname}]:${host.port}` : `${host.hostname}:${host.port}`;
    case 'fd':
      return `fd://${host.which}`;
  }
}

/** An open TCP port without TLS makes everyone who reaches it root on this machine. */
export function checkTcp(hosts: readonly Host[], tls: boolean, allowed: boolean): void {
  const open = hosts.find(host => host.kind === 'tcp');
  if (!open || tls || allowed) return;
  throw forbidden(
    `refusing to listen on tcp://${describeHost(open)} without TLS: whoever reaches that port would be root on this machine. ` +
      'Use --tlsverify (with --tlscacert, --tlscert and --tlskey), or ask for it by name with --allow-insecure-tcp',
  );
}

const badHost = (text: string, why: string) => invalid(`invalid host ${JSON.stringify(text)}: ${why}`);
