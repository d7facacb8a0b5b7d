import { removeCgroup } from '../../runtime/cgroups/control.ts';
import { type Cgroup, cgroupAt, containerCgroupPath } from '../../runtime/cgroups/hierarchy.ts';
import type { ContainerContext } from './context.ts';
import type { ContainerRecord } from './record.ts';

export function cgroupPath(context: ContainerContext, record: Pick<ContainerRecord, 'id' | 'hostConfig'>): string {
  return containerCgroupPath(record.id, record.hostConfig.CgroupParent, context.config.cgroupParent);
}

export function cgroupOf(context: ContainerContext, record: Pick<ContainerRecord, 'id' | 'hostConfig'>): Cgroup {
  return cgroupAt(context.host.cgroups, cgroupPath(context, record));
}

/** For a container without a record: it can only be where the engine puts them by default. */
export function removeContainerCgroup(context: ContainerContext, id: string): void {
  removeCgroup(cgroupAt(context.host.cgroups, containerCgroupPath(id, undefined, context.config.cgroupParent)));
}
