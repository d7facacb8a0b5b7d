// The resolv.conf a container gets, made from the host's and from what was asked for.
import { readFileSync } from 'node:fs';
import { errnoOf } from '../lib/errors.ts';
import { isLoopback, parseAddress } from './addresses.ts';

const HOST_FILE = '/etc/resolv.conf';
/** Where systemd-resolved keeps the servers behind its stub. */
const RESOLVED_FILE = '/run/systemd/resolve/resolv.conf';
const RESOLVED_STUB = '127.0.0.53';
export const EMBEDDED_SERVER = '127.0.0.11';
const PUBLIC_SERVERS = ['8.8.8.8', '8.8.4.4'];
const PUBLIC_SERVERS_6 = ['2001:4860:4860::8888', '2001:4860:4860::8844'];

export interface ResolvConf {
  source: string;
  servers: readonly string[];
  search: readonly string[];
  options: readonly string[];
  /** Lines of other kinds, kept as they are. */
  others: readonly string[];
}

export interface ResolvOverrides {
  servers: readonly string[];
  search: readonly string[];
  options: readonly string[];
}

/** A server that the embedded one forwards to, and from which side it is reached. */
export interface UpstreamServer {
  address: string;
  from: 'host' | 'container';
}

export interface ContainerResolvConf {
  content: string;
  /** For the embedded server; empty without one. */
  upstreams: readonly UpstreamServer[];
  /** Whether somebody asked for an ndots value; without one the embedded server's default holds. */
  ndotsSet: boolean;
}

function parseResolvConf(text: string, source: string): ResolvConf {
  const servers: string[] = [];
  const others: string[] = [];
  let search: string[] = [];
  let options: string[] = [];
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line.trim().split(/\s+/);
    if (!keyword || keyword.startsWith('#') || keyword.startsWith(';')) continue;
    if (keyword === 'nameserver') {
      const address = values[0];
      // A zone ("fe80::1%eth0") means nothing in another namespace but is passed on where the host's file is copied.
      if (address && (parseAddress(address) || /^fe80:.*%/i.test(address))) servers.push(address);
    } else if (keyword === 'domain' || keyword === 'search') search = values.filter(domain => domain !== '.');
    else if (keyword === 'options') options = [...options, ...values];
    else others.push(line.trim());
  }
  return { source, servers, search, options, others };
}

function readResolvConf(path: string): ResolvConf {
  try {
    return parseResolvConf(readFileSync(path, 'utf8'), path);
  } catch (error) {
    // A host without the file has nothing to pass on, which is not the container's fault.
    if (errnoOf(error) === 'ENOENT') return parseResolvConf('', path);
    throw error;
  }
}

function override(conf: ResolvConf, overrides: ResolvOverrides): ResolvConf {
  return {
    ...conf,
    servers: overrides.servers.length > 0 ? overrides.servers : conf.servers,
    search: overrides.search.length > 0 ? overrides.search.filter(domain => domain !== '.') : conf.search,
    options: overrides.options.length > 0 ? overrides.options : conf.options,
  };
}

/** For a container in the host's own namespace: the host's file, with the overrides. */
export function hostResolvConf(overrides: ResolvOverrides): ContainerResolvConf {
  const conf = override(readResolvConf(HOST_FILE), overrides);
  return { content: format(conf, overrides), upstreams: [], ndotsSet: hasOption(conf, 'ndots') };
}

/** Without the embedded server: the host's servers, as far as they can be reached from another namespace. */
export function plainResolvConf(overrides: ResolvOverrides, ipv6: boolean): ContainerResolvConf {
  let conf = readResolvConf(HOST_FILE);
  if (conf.servers.length === 1 && conf.servers[0] === RESOLVED_STUB) conf = readResolvConf(RESOLVED_FILE);
  conf = override(conf, overrides);
  if (overrides.servers.length === 0) {
    const reachable = conf.servers.filter(server => {
      const address = parseAddress(server);
      return address && !isLoopback(address) && (address.family === 4 || ipv6);
    });
    const fallback = ipv6 ? [...PUBLIC_SERVERS, ...PUBLIC_SERVERS_6] : PUBLIC_SERVERS;
    conf = { ...conf, servers: reachable.length > 0 ? reachable : fallback };
  }
  return { content: format(conf, overrides), upstreams: [], ndotsSet: hasOption(conf, 'ndots') };
}

/** With the embedded server in front: what the host's file names becomes its upstreams. */
export function embeddedResolvConf(overrides: ResolvOverrides): ContainerResolvConf {
  const conf = override(readResolvConf(HOST_FILE), overrides);
  const from = overrides.servers.length > 0 ? 'container' : 'host';
  const upstreams = conf.servers.map(address => ({ address, from }) as const);
  const options = conf.options.filter(option => !option.startsWith('ndots:') || /^ndots:\d+$/.test(option));
  const ndotsSet = hasOption({ options }, 'ndots');
  if (!ndotsSet) options.push('ndots:0');
  const comments = [`# ExtServers: [${upstreams.map(server => upstreamText(server)).join(' ')}]`];
  return {
    content: format({ ...conf, servers: [EMBEDDED_SERVER], options }, overrides, comments),
    upstreams,
    ndotsSet,
  };
}

const upstreamText = (server: UpstreamServer) => (server.from === 'host' ? `host(${server.address})` : server.address);

function hasOption(conf: Pick<ResolvConf, 'options'>, name: string): boolean {
  return conf.options.some(option => option === name || option.startsWith(`${name}:`));
}

function format(conf: ResolvConf, overrides: ResolvOverrides, comments: readonly string[] = []): string {
  const overridden = Object.entries({
    nameservers: overrides.servers,
    search: overrides.search,
    options: overrides.options,
  }).flatMap(([name, values]) => (values.length > 0 ? [name] : []));
  const lines = [
    '# Generated by Dockyard.',
    '',
    ...conf.servers.map(server => `nameserver ${server}`),
    ...(conf.search.length > 0 ? [`search ${conf.search.join(' ')}`] : []),
    ...(conf.options.length > 0 ? [`options ${conf.options.join(' ')}`] : []),
    ...conf.others,
    '',
    `# Based on host file: '${conf.source}'`,
    ...comments,
    `# Overrides: [${overridden.join(' ')}]`,
  ];
  return `${lines.join('\n')}\n`;
}
