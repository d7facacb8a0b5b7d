// The three files of /etc that the engine writes for each container and mounts over the image's.
import { mkdirSync, writeFileSync } from 'node:fs';
import { invalid } from '../../lib/errors.ts';
import type { HostsEntry } from '../networks/networks.ts';
import type { ContainerPaths } from './paths.ts';

const LOCAL_HOSTS = [
  '127.0.0.1\tlocalhost',
  '::1\tlocalhost ip6-localhost ip6-loopback',
  'fe00::\tip6-localnet',
  'ff00::\tip6-mcastprefix',
  'ff02::1\tip6-allnodes',
  'ff02::2\tip6-allrouters',
];

export interface EtcFiles {
  hostname: string;
  hosts: readonly HostsEntry[];
  resolvConf: string;
}

export function writeEtcFiles(paths: ContainerPaths, files: EtcFiles): void {
  mkdirSync(paths.directory, { recursive: true, mode: 0o710 });
  writeFileSync(paths.hostname, `${files.hostname}\n`);
  writeHosts(paths, files.hosts);
  writeFileSync(paths.resolvConf, files.resolvConf);
}

/** Written in place: the container has this very file mounted. */
export function writeHosts(paths: Pick<ContainerPaths, 'hosts'>, entries: readonly HostsEntry[]): void {
  const lines = [...LOCAL_HOSTS, ...entries.map(entry => `${entry.address}\t${entry.names.join(' ')}`)];
  writeFileSync(paths.hosts, `${lines.join('\n')}\n`);
}

/** HostConfig.ExtraHosts: "name:address"; an address of `host-gateway` is filled in with the host's. */
export function extraHosts(lines: readonly string[], hostGateways: readonly string[]): HostsEntry[] {
  return lines.flatMap(line => {
    const { name, address } = splitExtraHost(line);
    if (address !== 'host-gateway') return [{ address, names: [name] }];
    if (hostGateways.length === 0) {
      throw invalid(
        'unable to derive the IP value for host-gateway: the container has no network that reaches the host',
      );
    }
    return hostGateways.map(gateway => ({ address: gateway, names: [name] }));
  });
}

export function splitExtraHost(line: string): { name: string; address: string } {
  const separator = line.search(/[:=]/);
  const name = separator < 0 ? '' : line.slice(0, separator);
  const address = line.slice(separator + 1).replace(/^\[(.*)\]$/, '$1');
  if (name === '' || address === '') throw invalid(`bad format for add-host: "${line}"`);
  return { name, address };
}
