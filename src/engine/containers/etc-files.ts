// The three files of /etc that the engine writes for each container and mounts over the image's.
import { mkdirSync, writeFileSync } from 'node:fs';
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
  hosts: readonly HostsEntry[] | string;
  resolvConf: string;
}

export function writeEtcFiles(paths: ContainerPaths, files: EtcFiles): void {
  mkdirSync(paths.directory, { recursive: true, mode: 0o710 });
  writeFileSync(paths.hostname, `${files.hostname}\n`);
  if (typeof files.hosts === 'string') writeFileSync(paths.hosts, files.hosts);
  else writeHosts(paths, files.hosts);
  writeFileSync(paths.resolvConf, files.resolvConf);
}

/** Written in place: the container has this very file mounted. */
export function writeHosts(paths: Pick<ContainerPaths, 'hosts'>, entries: readonly HostsEntry[]): void {
  const lines = [...LOCAL_HOSTS, ...entries.map(entry => `${entry.address}\t${entry.names.join(' ')}`)];
  writeFileSync(paths.hosts, `${lines.join('\n')}\n`);
}

/** Written in place, for the same reason. */
export function writeResolvConf(paths: Pick<ContainerPaths, 'resolvConf'>, content: string): void {
  writeFileSync(paths.resolvConf, content);
}
