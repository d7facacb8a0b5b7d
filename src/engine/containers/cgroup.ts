import { removeCgroup } from '../../runtime/cgroups/control.ts';
import { type CgroupPlace, containerPlace } from '../../runtime/cgroups/driver.ts';
import { type Cgroup, cgroupAt } from '../../runtime/cgroups/hierarchy.ts';
import type { ContainerContext } from './context.ts';
import type { ContainerRecord } from './record.ts';

type Placed = Pick<ContainerRecord, 'id' | 'hostConfig' | 'cgroup'>;

/** For a start that is about to be made. */
export function newPlace({ config, cgroupDriver }: ContainerContext, { id, hostConfig }: Placed): CgroupPlace {
  return containerPlace(cgroupDriver, id, hostConfig.CgroupParent || config.cgroupParent);
}

export function cgroupOf(context: ContainerContext, record: Placed): Cgroup {
  return cgroupAt(context.host.cgroups, record.cgroup ?? newPlace(context, record).path);
}

/** For a container without a record: it can only be where the engine puts them by default. */
export function removeContainerCgroup({ host, config, cgroupDriver }: ContainerContext, id: string): void {
  removeCgroup(cgroupAt(host.cgroups, containerPlace(cgroupDriver, id, config.cgroupParent).path));
}
