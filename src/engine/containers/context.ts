// What the verbs of a container share: the engine's other nouns, and the containers themselves.
import type { ContainerId } from '../../lib/ids.ts';
import type { CgroupDriver } from '../../runtime/cgroups/driver.ts';
import type { HostFacts } from '../../runtime/cgroups/host.ts';
import type { ExitWatcher } from '../../runtime/exits.ts';
import type { EngineDefaults } from '../../runtime/oci/spec.ts';
import type { EngineConfig } from '../config.ts';
import type { Events } from '../events/events.ts';
import type { Images, Snapshots } from '../images/images.ts';
import type { Networks } from '../networks/networks.ts';
import type { Volumes } from '../volumes/volumes.ts';
import type { LiveContainer } from './live.ts';
import { type ContainerPaths, containerPaths } from './paths.ts';
import type { ContainerRecord } from './record.ts';
import type { ContainerStore } from './store.ts';

export interface ContainerContext {
  /** Read at each use: a reload changes some of it. */
  readonly config: EngineConfig;
  readonly host: HostFacts;
  readonly cgroupDriver: CgroupDriver;
  readonly store: ContainerStore;
  readonly images: Images;
  readonly snapshots: Snapshots;
  readonly volumes: Volumes;
  readonly networks: Networks;
  readonly events: Events;
  readonly exits: ExitWatcher;
  live(record: ContainerRecord): LiveContainer;
  /** The container is gone for good: nothing of it stays in memory. */
  forget(id: ContainerId): void;
  /** What is left to do when everybody has been answered; only the end of the daemon waits for it. */
  later(work: Promise<void>): void;
  conmonPath(): string;
  /** Of containers that name none; undefined where there is no AppArmor. */
  apparmorProfile(): string | undefined;
  /** The engine's part of a container's specification. */
  specDefaults(): EngineDefaults;
}

export const pathsOf = (context: ContainerContext, record: { id: ContainerId }): ContainerPaths =>
  containerPaths(context.config, record.id);

/** The attributes Docker gives each container event: its labels, image and name, and what the action adds. */
export function publish(
  context: ContainerContext,
  record: ContainerRecord,
  action: string,
  attributes: Record<string, string> = {},
): void {
  context.events.publish('container', action, {
    ID: record.id,
    Attributes: { ...record.config.Labels, image: record.image.reference, name: record.name, ...attributes },
  });
}
