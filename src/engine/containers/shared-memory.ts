// /dev/shm of containers that share it: a tmpfs of the host's, mounted into the donor and into those who join.
import { mkdirSync } from 'node:fs';
import { MS_NODEV, MS_NOEXEC, MS_NOSUID, mount, unmount } from '../../kernel/mount.ts';
import { type ContainerContext, pathsOf } from './context.ts';
import type { ContainerRecord } from './record.ts';

const pathFor = (context: ContainerContext, record: Pick<ContainerRecord, 'id'>) =>
  `${pathsOf(context, record).bundle}/shm`;

/** The host's directory that is to be /dev/shm, or undefined for one of the container's own. */
export function sharedMemoryPath(context: ContainerContext, record: ContainerRecord): string | undefined {
  const mode = record.hostConfig.IpcMode ?? '';
  if (mode === 'host') return '/dev/shm';
  if (mode.startsWith('container:')) {
    const donor = context.store.find(mode.slice('container:'.length));
    return donor && (donor.hostConfig.IpcMode === 'host' ? '/dev/shm' : pathFor(context, donor));
  }
  if (mode !== 'shareable') return undefined;
  const path = pathFor(context, record);
  mkdirSync(path, { recursive: true });
  // A start that failed half-way may have left one.
  unmount(path);
  mount('shm', path, 'tmpfs', MS_NOSUID | MS_NODEV | MS_NOEXEC, `mode=1777,size=${record.hostConfig.ShmSize}`);
  return path;
}

/** Before the bundle's directory is removed. Idempotent. */
export function releaseSharedMemory(context: ContainerContext, record: ContainerRecord): void {
  if (record.hostConfig.IpcMode === 'shareable') unmount(pathFor(context, record));
}
