// The list of mounts: Docker's defaults, with what the user mounts in place of or on top of them.
import { realpathSync } from 'node:fs';
import { errnoOf, invalid } from '../../lib/errors.ts';
import type { HostConfig } from '../../wire/types.ts';
import { type MountEntry, readMountInfo } from '../cgroups/hierarchy.ts';
import { defaultMounts } from './defaults.ts';
import type { OciMount } from './types.ts';

export interface MountRequest {
  hostConfig: HostConfig;
  /** Already resolved, in any order. */
  mounts: readonly OciMount[];
  /** Of the private /dev/shm, in bytes. */
  shmSize: number;
  /** A directory of the host to be the container's /dev/shm, when that is shared. */
  sharedShm?: string;
  initPath?: string;
  /** undefined: as `privileged` says. */
  writableCgroups?: boolean;
}

export const INIT_IN_CONTAINER = '/sbin/docker-init';

export function containerMounts(request: MountRequest): OciMount[] {
  const { hostConfig } = request;
  const user = [...request.mounts, ...tmpfsMounts(hostConfig.Tmpfs), ...sharedShm(request)].sort(
    (a, b) => depth(a.destination) - depth(b.destination),
  );
  const taken = new Set(user.map(mount => mount.destination));
  const defaults = defaultMounts().filter(({ destination }) => {
    if (taken.has(destination)) return false;
    if (taken.has('/dev') && destination.startsWith('/dev/')) return false;
    return destination !== '/dev/shm' || hostConfig.IpcMode !== 'none';
  });
  for (const mount of defaults) {
    if (mount.destination === '/dev/shm') mount.options?.push(`size=${request.shmSize}`);
  }
  const init: OciMount[] =
    request.initPath === undefined
      ? []
      : [{ destination: INIT_IN_CONTAINER, type: 'bind', source: request.initPath, options: ['bind', 'ro'] }];
  const all = [...defaults, ...init, ...user];
  if (hostConfig.ReadonlyRootfs) protectDefaults(all, taken);
  const writableCgroups = request.writableCgroups ?? hostConfig.Privileged === true;
  for (const mount of all) {
    if (hostConfig.Privileged && mount.destination === '/sys') allowWriting(mount);
    if (writableCgroups && mount.type === 'cgroup') allowWriting(mount);
  }
  return all;
}

function depth(path: string): number {
  return path.split('/').filter(Boolean).length;
}

function sharedShm({ sharedShm, mounts }: MountRequest): OciMount[] {
  if (sharedShm === undefined || mounts.some(mount => mount.destination === '/dev/shm')) return [];
  return [{ destination: '/dev/shm', type: 'bind', source: sharedShm, options: ['rbind', 'rprivate'] }];
}

const writableEvenIfReadonly: ReadonlySet<string> = new Set(['/proc', '/dev/pts', '/dev/shm', '/dev/mqueue', '/dev']);

function protectDefaults(mounts: readonly OciMount[], taken: ReadonlySet<string>): void {
  for (const mount of mounts) {
    if (writableEvenIfReadonly.has(mount.destination) || taken.has(mount.destination)) continue;
    if (!mount.options?.includes('ro')) mount.options = [...(mount.options ?? []), 'ro'];
  }
}

function allowWriting(mount: OciMount): void {
  mount.options = mount.options?.filter(option => option !== 'ro');
}

function tmpfsMounts(tmpfs: HostConfig['Tmpfs']): OciMount[] {
  return Object.entries(tmpfs ?? {}).map(([destination, options]) => tmpfsMount(destination, options));
}

/** --tmpfs and `--mount type=tmpfs`: Docker's options, each of which the user's can turn round. */
export function tmpfsMount(destination: string, options: string): OciMount {
  const all = ['noexec', 'nosuid', 'nodev', 'rprivate', ...options.split(',').filter(Boolean)];
  return { destination, type: 'tmpfs', source: 'tmpfs', options: mergeTmpfsOptions(all) };
}

/** Options of one row exclude each other. */
const tmpfsFlags: readonly (readonly string[])[] = [
  ['ro', 'rw'],
  ['suid', 'nosuid'],
  ['dev', 'nodev'],
  ['exec', 'noexec'],
  ['sync', 'async'],
  ['dirsync'],
  ['remount'],
  ['mand', 'nomand'],
  ['atime', 'noatime'],
  ['diratime', 'nodiratime'],
  ['relatime', 'norelatime'],
  ['strictatime', 'nostrictatime'],
  ['bind', 'rbind', 'private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave', 'unbindable', 'runbindable'],
];

const tmpfsData: ReadonlySet<string> = new Set(['size', 'mode', 'uid', 'gid', 'nr_inodes', 'nr_blocks', 'mpol']);

/** The last word on each matter counts. */
function mergeTmpfsOptions(options: readonly string[]): string[] {
  const decided = new Set<string>();
  const merged: string[] = [];
  for (const option of options.toReversed()) {
    if (option === 'defaults') continue;
    const matter = matterOf(option);
    if (decided.has(matter)) continue;
    decided.add(matter);
    merged.unshift(option);
  }
  return merged;
}

function matterOf(option: string): string {
  const row = tmpfsFlags.find(flags => flags.includes(option));
  if (row) return row[0]!;
  const name = option.split('=', 1)[0]!;
  if (!option.includes('=') || !tmpfsData.has(name)) throw invalid(`invalid tmpfs option ${JSON.stringify(name)}`);
  return name;
}

/** What the root must be for the mounts in it to hear of the host's later mounts; checks that the sources allow it. */
export function rootPropagation(mounts: readonly OciMount[], readTable = readMountInfo): string | undefined {
  let propagation: string | undefined;
  let table: MountEntry[] | undefined;
  for (const { options = [], source = '', type } of mounts) {
    if (type !== 'bind') continue;
    const shared = options.includes('shared') || options.includes('rshared');
    const slave = options.includes('slave') || options.includes('rslave');
    if (!shared && !slave) continue;
    table ??= readTable();
    const parent = mountOf(source, table);
    const isShared = parent.tags.some(tag => tag.startsWith('shared:'));
    const isSlave = parent.tags.some(tag => tag.startsWith('master:'));
    if (shared) {
      if (!isShared) {
        throw invalid(`path ${source} is mounted on ${parent.mountPoint} but it is not a shared mount`);
      }
      propagation = 'shared';
    } else {
      if (!isShared && !isSlave) {
        throw invalid(`path ${source} is mounted on ${parent.mountPoint} but it is not a shared or slave mount`);
      }
      propagation ??= 'rslave';
    }
  }
  return propagation;
}

function mountOf(source: string, table: readonly MountEntry[]): MountEntry {
  let path: string;
  try {
    path = realpathSync(source);
  } catch (error) {
    throw invalid(
      `bind source path does not exist: ${source}${errnoOf(error) === 'ENOENT' ? '' : ` (${errnoOf(error)})`}`,
    );
  }
  let found: MountEntry | undefined;
  for (const entry of table) {
    const inside = entry.mountPoint === '/' || path === entry.mountPoint || path.startsWith(`${entry.mountPoint}/`);
    if (inside && entry.mountPoint.length >= (found?.mountPoint.length ?? 0)) found = entry;
  }
  if (!found) throw invalid(`Can't find mount point of ${source}`);
  return found;
}
