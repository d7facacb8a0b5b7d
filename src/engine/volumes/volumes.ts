// Named storage that outlives containers.
import type { ContainerId } from '../../lib/ids.ts';
import type { Volume, VolumeCreateRequest, VolumeListResponse } from '../../wire/types.ts';

export type Filters = Readonly<Record<string, readonly string[]>>;

export interface Volumes {
  create(request: VolumeCreateRequest & { anonymous?: boolean }): Promise<Volume>;
  has(name: string): boolean;
  inspect(name: string): Promise<Volume>;
  list(filters: Filters): Promise<VolumeListResponse>;
  remove(name: string, options: { force: boolean }): Promise<void>;
  prune(filters: Filters): Promise<{ VolumesDeleted: string[]; SpaceReclaimed: number }>;
  /** Every volume with `UsageData`. */
  usage(): Promise<Volume[]>;
  /** Makes the volume usable and returns where it is on the host. Idempotent per container. */
  mount(name: string, container: ContainerId): Promise<string>;
  unmount(name: string, container: ContainerId): Promise<void>;
  /** After a daemon restart: mounts that no running container holds are taken down. */
  reconcile(running: ReadonlySet<ContainerId>): Promise<void>;
}

/** What volumes need to know of containers, so that neither noun imports the other. */
export interface VolumeUsers {
  /** The containers, running or not, that name this volume. */
  usersOf(volume: string): readonly ContainerId[];
}
