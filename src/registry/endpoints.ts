// Where a registry is, how it is to be trusted, and by what way it is reached.
import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import { DEFAULT_DOMAIN } from '../lib/reference.ts';
import { type HostCertificates, hostCertificates } from './certificates.ts';

const DEFAULT_HOST = 'registry-1.docker.io';

export interface RegistryConfig {
  /** Host names, with or without a port, and networks in CIDR notation. Loopback is always among them. */
  insecureRegistries: readonly string[];
  /** URLs of mirrors of the default registry. */
  registryMirrors: readonly string[];
  proxies: { http: string; https: string; no: string };
  /** Directories with a folder of certificates per host. */
  certificateDirectories: readonly string[];
}

export interface Endpoint {
  /** Tried in this order: more than one only for a registry that may be insecure. */
  readonly bases: readonly string[];
  /** Host and port, as certificates and messages name it. */
  readonly host: string;
  readonly isMirror: boolean;
  /** Certificates are not checked, and plain HTTP is fine. */
  readonly insecure: boolean;
  readonly certificates: HostCertificates;
}

/** Mirrors first, for what can be read from them; the registry itself last. */
export async function endpointsFor(domain: string, config: RegistryConfig, use: 'pull' | 'push'): Promise<Endpoint[]> {
  const mirrors = domain === DEFAULT_DOMAIN && use === 'pull' ? config.registryMirrors : [];
  return Promise.all([...mirrors.map(mirror => mirrorEndpoint(mirror, config)), registryEndpoint(domain, config)]);
}

async function registryEndpoint(domain: string, config: RegistryConfig): Promise<Endpoint> {
  const host = domain === DEFAULT_DOMAIN ? DEFAULT_HOST : domain;
  const insecure = await isInsecure(domain, config);
  const bases = insecure ? [`https://${host}`, `http://${host}`] : [`https://${host}`];
  return { bases, host, isMirror: false, insecure, certificates: await hostCertificates(host, config) };
}

async function mirrorEndpoint(mirror: string, config: RegistryConfig): Promise<Endpoint> {
  const url = new URL(mirror.includes('://') ? mirror : `https://${mirror}`);
  const insecure = url.protocol === 'http:' || (await isInsecure(url.host, config));
  const base = `${url.protocol}//${url.host}${url.pathname.replace(/\/+$/, '')}`;
  return {
    bases: [base],
    host: url.host,
    isMirror: true,
    insecure,
    certificates: await hostCertificates(url.host, config),
  };
}

/** Named as insecure, or in a network that is; a name counts if any of its addresses does. */
export async function isInsecure(host: string, { insecureRegistries }: RegistryConfig): Promise<boolean> {
  if (host === DEFAULT_DOMAIN) return false;
  const name = hostName(host);
  if (insecureRegistries.includes(host) || insecureRegistries.includes(name)) return true;
  const networks = blockList(insecureRegistries);
  if (name === 'localhost') return true;
  if (isIP(name)) return contains(networks, name);
  // Without networks of our own there is only loopback, and names of it are known without asking.
  if (!insecureRegistries.some(entry => entry.includes('/'))) return false;
  try {
    const addresses = await lookup(name, { all: true });
    return addresses.some(({ address }) => contains(networks, address));
  } catch {
    // A name that does not resolve will be reported by whoever connects to it.
    return false;
  }
}

function hostName(host: string): string {
  const bracketed = /^\[([^\]]+)\]/.exec(host);
  if (bracketed) return bracketed[1]!;
  return host.replace(/:\d+$/, '');
}

function blockList(entries: readonly string[]): BlockList {
  const list = new BlockList();
  for (const entry of ['127.0.0.0/8', '::1/128', ...entries]) {
    const slash = entry.indexOf('/');
    const address = entry.slice(0, slash);
    const family = slash < 0 ? 0 : isIP(address);
    if (family !== 0) list.addSubnet(address, Number(entry.slice(slash + 1)), family === 6 ? 'ipv6' : 'ipv4');
  }
  return list;
}

function contains(networks: BlockList, address: string): boolean {
  return networks.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

/** The proxies that the environment names, in upper case or lower. */
export function environmentProxies(): RegistryConfig['proxies'] {
  const variable = (name: string) => process.env[name] ?? process.env[name.toLowerCase()] ?? '';
  return { http: variable('HTTP_PROXY'), https: variable('HTTPS_PROXY'), no: variable('NO_PROXY') };
}

/** The proxy to use for a URL, if any. Loopback is always reached directly. */
export function proxyFor(url: URL, { proxies }: Pick<RegistryConfig, 'proxies'>): string | undefined {
  const proxy = url.protocol === 'https:' ? proxies.https : proxies.http;
  if (proxy === '' || isDirect(url, proxies.no)) return undefined;
  return proxy.includes('://') ? proxy : `http://${proxy}`;
}

function isDirect(url: URL, no: string): boolean {
  const name = hostName(url.host).toLowerCase();
  if (name === 'localhost' || (isIP(name) && contains(blockList([]), name))) return true;
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return no
    .split(',')
    .map(entry => entry.trim().toLowerCase())
    .filter(Boolean)
    .some(entry => {
      if (entry === '*') return true;
      if (entry.includes('/')) return isIP(name) !== 0 && contains(blockList([entry]), name);
      const [, pattern = entry, onlyPort] = /^(.*?)(?::(\d+))?$/.exec(entry) ?? [];
      if (onlyPort !== undefined && onlyPort !== port) return false;
      // ".example.org" is all below it, "example.org" is it as well.
      const bare = pattern.replace(/^\*?\./, '');
      return name.endsWith(`.${bare}`) || (name === bare && !/^\*?\./.test(pattern));
    });
}
