// Where an engine is: Docker's host strings, and what it takes to be let in.
import { ClientSetupError } from './errors.ts';

export interface TlsMaterial {
  ca?: string;
  cert?: string;
  key?: string;
  /** Take any certificate of the server. */
  insecure?: boolean;
}

export type Address =
  | { kind: 'unix'; path: string }
  | { kind: 'tcp'; hostname: string; port: number; basePath: string }
  | { kind: 'ssh'; destination: string; port?: string; user?: string; socketPath?: string };

export interface Endpoint {
  /** As people write it and errors show it. */
  host: string;
  address: Address;
  tls?: TlsMaterial;
}

export const DEFAULT_SOCKET = '/var/run/docker.sock';
export const DEFAULT_HOST = `unix://${DEFAULT_SOCKET}`;

/** Reads `unix:///path`, `tcp://host:port`, `ssh://user@host`, or a bare `host:port`. */
export function parseHost(text: string, tls?: TlsMaterial): Endpoint {
  const host = text.trim();
  const separator = host.indexOf('://');
  const scheme = separator < 0 ? 'tcp' : host.slice(0, separator);
  const rest = separator < 0 ? host : host.slice(separator + 3);
  switch (scheme) {
    case 'unix':
    case 'http+unix':
      if (rest.includes('://')) throw new ClientSetupError(`invalid proto, expected unix: ${rest}`);
      return { host: `unix://${rest || DEFAULT_SOCKET}`, address: { kind: 'unix', path: rest || DEFAULT_SOCKET } };
    case 'tcp':
    case 'http':
    case 'https': {
      if (rest.includes('://')) throw new ClientSetupError(`invalid proto, expected tcp: ${rest}`);
      const address = parseTcp(rest, tls !== undefined || scheme === 'https', host);
      const shownHost = address.hostname.includes(':') ? `[${address.hostname}]` : address.hostname;
      return {
        host: `tcp://${shownHost}:${address.port}${address.basePath}`,
        address,
        tls: tls ?? (scheme === 'https' ? {} : undefined),
      };
    }
    case 'ssh':
      return { host, address: parseSsh(host) };
    default:
      throw new ClientSetupError(`invalid bind address format: ${host}`);
  }
}

function parseTcp(rest: string, tls: boolean, whole: string): Address & { kind: 'tcp' } {
  const match = /^(?:\[([^\]]*)\]|([^:/]*))(?::(\d*))?(\/.*)?$/.exec(rest);
  const port = match?.[3] ? Number(match[3]) : tls ? 2376 : 2375;
  if (!match || port > 65535) throw new ClientSetupError(`invalid bind address format: ${whole}`);
  const basePath = (match[4] ?? '').replace(/\/+$/, '');
  return { kind: 'tcp', hostname: match[1] ?? (match[2] || 'localhost'), port, basePath };
}

function parseSsh(host: string): Address {
  if (!URL.canParse(host)) throw new ClientSetupError(`ssh host connection is not valid: invalid URL ${host}`);
  const url = new URL(host);
  const refuse = (what: string): never => {
    throw new ClientSetupError(`ssh host connection is not valid: ${what}`);
  };
  if (url.password !== '') refuse('plain-text password is not supported');
  if (url.hostname === '') refuse('hostname is empty');
  if (url.search !== '') refuse(`query parameters are not allowed: "${url.search.slice(1)}"`);
  if (url.hash !== '') refuse(`fragments are not allowed: "${url.hash.slice(1)}"`);
  return {
    kind: 'ssh',
    destination: url.hostname.replace(/^\[|\]$/g, ''),
    ...(url.port !== '' && { port: url.port }),
    ...(url.username !== '' && { user: decodeURIComponent(url.username) }),
    ...(url.pathname !== '' && url.pathname !== '/' && { socketPath: url.pathname }),
  };
}
