// The three files of /etc that the engine writes for each container and mounts over the image's.
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
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

/** Behind the name of the file: a copy of the lines that are the engine's. */
const WRITTEN = '.written';
/** What a container writes need not be text. */
const BYTES = 'latin1';
const LARGEST = 1024 * 1024;

type Hosts = Pick<ContainerPaths, 'hosts'>;

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

function writeHosts(paths: Hosts, entries: readonly HostsEntry[]): void {
  put(paths, hostsLines(entries), hostsLines(entries));
}

/** Lines of the engine come and go; what the container has written into its file stays. */
export function updateHosts(paths: Hosts, entries: readonly HostsEntry[]): void {
  const ours = hostsLines(entries);
  const before = readLines(paths.hosts + WRITTEN);
  const present = readLines(paths.hosts);
  if (!before || !present) {
    put(paths, ours, ours);
    return;
  }
  const gone = new Set(before.filter(line => !ours.includes(line)));
  const added = ours.filter(line => !before.includes(line));
  if (gone.size > 0 || added.length > 0) put(paths, [...present.filter(line => !gone.has(line)), ...added], ours);
}

function hostsLines(entries: readonly HostsEntry[]): string[] {
  const lines = [...LOCAL_HOSTS, ...entries.map(entry => `${entry.address}\t${entry.names.join(' ')}`)];
  return lines.map(line => Buffer.from(line).toString(BYTES));
}

/** In place: the container has this very file mounted. */
function put(paths: Hosts, lines: readonly string[], ours: readonly string[]): void {
  writeFileSync(paths.hosts, `${lines.join('\n')}\n`, BYTES);
  writeFileSync(paths.hosts + WRITTEN, `${ours.join('\n')}\n`, BYTES);
}

/** Undefined for one that is not there, and for one that only somebody who wants to harm us can have made so large. */
function readLines(path: string): string[] | undefined {
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? Infinity) > LARGEST) return undefined;
  return readFileSync(path, BYTES).replace(/\n$/, '').split('\n');
}

/** In place, for the same reason. */
export function writeResolvConf(paths: Pick<ContainerPaths, 'resolvConf'>, content: string): void {
  writeFileSync(paths.resolvConf, content);
}
