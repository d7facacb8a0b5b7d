// Named storage that outlives containers.
import type { ContainerId } from '../../lib/ids.ts';
import type { MountPoint, Volume, VolumeCreateRequest, VolumeListResponse } from '../../wire/types.ts';

export type Filters = Readonly<Record<string, readonly string[]>>;

/** How a container mounts a volume, for the event of it. */
export type VolumeUse = Pick<MountPoint, 'Destination' | 'RW' | 'Propagation'>;

export interface VolumePart extends Disposable {
  readonly path: string;
}

export interface Volumes {
  /** Names, for `docker info`. */
  readonly drivers: readonly string[];
  /** Without a name it is an anonymous one. An existing volume of the same name and driver is returned as it is. */
  create(request: VolumeCreateRequest): Promise<Volume>;
  has(name: string): boolean;
  inspect(name: string): Promise<Volume>;
  list(filters: Filters): Promise<VolumeListResponse>;
  remove(name: string, options: { force: boolean }): Promise<void>;
  prune(filters: Filters): Promise<{ VolumesDeleted: string[]; SpaceReclaimed: number }>;
  /** Every volume with `UsageData`. */
  usage(): Promise<Volume[]>;
  /** Makes the volume usable and returns where it is on the host. Idempotent per container. With `use` it is an event. */
  mount(name: string, container: ContainerId, use?: VolumeUse): Promise<string>;
  /** The reverse, an event if the `mount` was one. */
  unmount(name: string, container: ContainerId): Promise<void>;
  /**
   * A file or directory in a mounted volume, at a path of its own until it is disposed of. Another container may change a directory
   * of the volume into a link to somewhere else at any time: this path does not follow it.
   */
  openPart(name: string, subpath: string): VolumePart;
  /** The same for any directory that is mounted into containers. */
  openPartOf(directory: string, subpath: string): VolumePart;
  /** After a daemon restart: mounts that no running container holds are taken down. */
  reconcile(running: ReadonlySet<ContainerId>): Promise<void>;
  close(): void;
}

/** What volumes need to know of containers, so that neither noun imports the other. */
export interface VolumeUsers {
  /** The containers, running or not, that name this volume. */
  usersOf(volume: string): readonly ContainerId[];
}
