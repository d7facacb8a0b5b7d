// The volumes of all drivers: ours, and those of plugins. A name belongs to one of them.
import { randomBytes } from 'node:crypto';
import { isKind, notBuilt } from '../../lib/errors.ts';
import type { ContainerId } from '../../lib/ids.ts';
import type { Plugins } from '../../plugins/plugins.ts';
import type { Volume, VolumeCreateRequest, VolumeListResponse } from '../../wire/types.ts';
import { PluginVolumes, taken } from './plugins/plugin-volumes.ts';
import { anonymousLabel, listFilter } from './volume-filters.ts';
import { createLocalVolumes, type LocalVolumes, type VolumeDependencies } from './volume-store.ts';
import type { Filters, VolumePart, Volumes, VolumeUse, VolumeUsers } from './volumes.ts';

const LOCAL = 'local';

export function createVolumes(dependencies: VolumeDependencies & { plugins: Plugins }): Volumes {
  return new AllVolumes(createLocalVolumes(dependencies), new PluginVolumes(dependencies), dependencies.users);
}

class AllVolumes implements Volumes {
  constructor(
    private readonly local: LocalVolumes,
    private readonly plugins: PluginVolumes,
    private readonly users: VolumeUsers,
  ) {}

  get drivers(): string[] {
    return [LOCAL, ...this.plugins.drivers];
  }

  async create(request: VolumeCreateRequest): Promise<Volume> {
    if (request.ClusterVolumeSpec) throw notBuilt('cluster volumes are not built yet');
    const { Name: name } = request;
    const present = name ? this.#driverOf(name) : undefined;
    const driver = request.Driver || present || LOCAL;
    if (name && present && driver !== present) throw taken(name, present);
    if (driver === LOCAL) return this.local.create(request);
    const labels = { ...request.Labels, ...(name ? {} : { [anonymousLabel]: '' }) };
    return this.plugins.create(driver, { ...request, Name: name || randomBytes(32).toString('hex'), Labels: labels });
  }

  has(name: string): boolean {
    return this.#driverOf(name) !== undefined;
  }

  async inspect(name: string): Promise<Volume> {
    return this.local.has(name) ? this.local.inspect(name) : this.plugins.inspect(name);
  }

  async list(filters: Filters): Promise<VolumeListResponse> {
    const passes = listFilter(filters);
    const [own, others] = await Promise.all([this.local.list(filters), this.plugins.list()]);
    const found = others.volumes.filter(({ Name: name, Driver: driver, Labels: labels }) =>
      passes({ name, driver, labels, used: this.users.usersOf(name).length > 0 }),
    );
    const volumes = [...(own.Volumes ?? []), ...found].sort((a, b) => (a.Name < b.Name ? -1 : 1));
    return { Volumes: volumes, Warnings: [...(own.Warnings ?? []), ...others.warnings] };
  }

  async remove(name: string, options: { force: boolean }): Promise<void> {
    if (this.local.has(name)) return this.local.remove(name, options);
    try {
      await this.plugins.remove(name, options);
    } catch (error) {
      // Forced, it is enough that there is none; but one in use is.
      if (!(options.force && isKind(error, 'notFound'))) throw error;
    }
  }

  /** Volumes of plugins are not ours to throw away. */
  prune(filters: Filters): Promise<{ VolumesDeleted: string[]; SpaceReclaimed: number }> {
    return this.local.prune(filters);
  }

  async usage(): Promise<Volume[]> {
    return [...(await this.local.usage()), ...this.plugins.usage()];
  }

  mount(name: string, container: ContainerId, use?: VolumeUse): Promise<string> {
    return this.#isPlugins(name) ? this.plugins.mount(name, container, use) : this.local.mount(name, container, use);
  }

  unmount(name: string, container: ContainerId): Promise<void> {
    return this.#isPlugins(name) ? this.plugins.unmount(name, container) : this.local.unmount(name, container);
  }

  openPart(name: string, subpath: string): VolumePart {
    return this.#isPlugins(name)
      ? this.local.openPartOf(this.plugins.pathOf(name), subpath)
      : this.local.openPart(name, subpath);
  }

  openPartOf(directory: string, subpath: string): VolumePart {
    return this.local.openPartOf(directory, subpath);
  }

  async reconcile(running: ReadonlySet<ContainerId>): Promise<void> {
    this.plugins.reconcile(running);
    await this.local.reconcile(running);
  }

  close(): void {
    this.plugins[Symbol.dispose]();
  }

  #isPlugins(name: string): boolean {
    return !this.local.has(name) && this.plugins.driverOf(name) !== undefined;
  }

  #driverOf(name: string): string | undefined {
    return this.local.has(name) ? LOCAL : this.plugins.driverOf(name);
  }
}
