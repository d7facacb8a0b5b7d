// The volumes of an engine, all of the `local` driver: a directory of the data root, or what `mount` mounts there.
import { mkdirSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { diskUsage } from '../../content/disk-usage.ts';
import { mountPointsBelow, unmount } from '../../kernel/mount.ts';
import { conflict, failed, invalid, messageOf, notBuilt, notFound } from '../../lib/errors.ts';
import { type ContainerId, newContainerId } from '../../lib/ids.ts';
import { log } from '../../lib/logger.ts';
import type { Volume, VolumeCreateRequest } from '../../wire/types.ts';
import type { Events } from '../events/events.ts';
import type { StateDatabase } from '../state/database.ts';
import { volumeFilter } from './volume-filters.ts';
import type { Filters, Volumes, VolumeUsers } from './volumes.ts';

export interface VolumeDependencies {
  dataRoot: string;
  database: StateDatabase;
  events: Events;
  users: VolumeUsers;
}

export interface VolumeRecord {
  name: string;
  driver: string;
  created: string;
  labels: Record<string, string>;
  options: Record<string, string>;
}

export const ANONYMOUS_LABEL = 'com.docker.volume.anonymous';

const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
const knownOptions = ['type', 'device', 'o'];

export function createVolumes(dependencies: VolumeDependencies): Volumes {
  return new VolumeStore(dependencies);
}

class VolumeStore implements Volumes {
  readonly #records = new Map<string, VolumeRecord>();
  readonly #root: string;
  /** Who holds a volume that is mounted by its options; plain directories need no count. */
  readonly #holders = new Map<string, Set<ContainerId>>();

  constructor(private readonly dependencies: VolumeDependencies) {
    this.#root = `${dependencies.dataRoot}/volumes`;
    mkdirSync(this.#root, { recursive: true, mode: 0o701 });
    for (const row of dependencies.database.query('SELECT record FROM volumes').all() as { record: string }[]) {
      const record = JSON.parse(row.record) as VolumeRecord;
      this.#records.set(record.name, record);
    }
  }

  #directory(name: string): string {
    return `${this.#root}/${name}/_data`;
  }

  #require(name: string): VolumeRecord {
    const record = this.#records.get(name);
    if (!record) throw notFound(`get ${name}: no such volume`);
    return record;
  }

  async create(request: VolumeCreateRequest & { anonymous?: boolean }): Promise<Volume> {
    const driver = request.Driver || 'local';
    if (request.ClusterVolumeSpec) throw notBuilt('cluster volumes are not built yet');
    if (driver !== 'local') throw notFound(`error looking up volume plugin ${driver}: plugin "${driver}" not found`);
    const name = request.Name || newContainerId();
    checkName(name);
    const options = request.DriverOpts ?? {};
    checkOptions(options);
    const existing = this.#records.get(name);
    if (existing) {
      const differs = Object.keys(options).length > 0 && JSON.stringify(options) !== JSON.stringify(existing.options);
      if (differs) throw conflict(`a volume named ${name} exists already with other options; remove it first`);
      return this.#describe(existing);
    }
    const record: VolumeRecord = {
      name,
      driver,
      created: new Date().toISOString(),
      labels: { ...request.Labels, ...(request.anonymous || !request.Name ? { [ANONYMOUS_LABEL]: '' } : {}) },
      options,
    };
    mkdirSync(this.#directory(name), { recursive: true, mode: 0o755 });
    this.dependencies.database
      .query('INSERT INTO volumes (name, record) VALUES (?1, ?2)')
      .run(name, JSON.stringify(record));
    this.#records.set(name, record);
    this.#publish('create', record);
    return this.#describe(record);
  }

  has(name: string): boolean {
    return this.#records.has(name);
  }

  async inspect(name: string): Promise<Volume> {
    return this.#describe(this.#require(name));
  }

  async list(filters: Filters): Promise<{ Volumes: Volume[]; Warnings: string[] }> {
    const passes = volumeFilter(filters, ['dangling', 'name', 'driver', 'label', 'scope'], name => this.#inUse(name));
    const volumes = [...this.#records.values()].filter(passes).map(record => this.#describe(record));
    return { Volumes: volumes.sort((a, b) => (a.Name < b.Name ? -1 : 1)), Warnings: [] };
  }

  #inUse(name: string): boolean {
    return this.dependencies.users.usersOf(name).length > 0;
  }

  #describe(record: VolumeRecord): Volume {
    return {
      CreatedAt: record.created.replace(/\.\d+Z$/, 'Z'),
      Driver: record.driver,
      Labels: record.labels,
      Mountpoint: this.#directory(record.name),
      Name: record.name,
      Options: record.options,
      Scope: 'local',
    };
  }

  async remove(name: string, { force }: { force: boolean }): Promise<void> {
    const record = this.#records.get(name);
    if (!record) {
      if (force) return;
      throw notFound(`get ${name}: no such volume`);
    }
    const users = this.dependencies.users.usersOf(name);
    if (users.length > 0) throw conflict(`remove ${name}: volume is in use - [${users.join(', ')}]`);
    unmount(this.#directory(name));
    await rm(`${this.#root}/${name}`, { recursive: true, force: true });
    this.dependencies.database.query('DELETE FROM volumes WHERE name = ?1').run(name);
    this.#records.delete(name);
    this.#publish('destroy', record);
  }

  /** Anonymous volumes only, unless `all` is asked for. */
  async prune(filters: Filters): Promise<{ VolumesDeleted: string[]; SpaceReclaimed: number }> {
    const { all: allValues = [], ...others } = filters;
    const all = allValues.some(value => ['1', 'true', 't', 'T', 'TRUE', 'True'].includes(value));
    const passes = volumeFilter(others, ['label', 'label!'], () => false);
    const result = { VolumesDeleted: [] as string[], SpaceReclaimed: 0 };
    for (const record of [...this.#records.values()]) {
      if (!passes(record) || this.#inUse(record.name)) continue;
      if (!all && record.labels[ANONYMOUS_LABEL] === undefined) continue;
      const size = await this.#size(record.name);
      await this.remove(record.name, { force: false });
      result.VolumesDeleted.push(record.name);
      result.SpaceReclaimed += size;
    }
    this.dependencies.events.publish('volume', 'prune', {
      ID: '',
      Attributes: { reclaimed: String(result.SpaceReclaimed) },
    });
    return result;
  }

  /** Bytes on disk; what is mounted from elsewhere counts nothing. */
  async #size(name: string): Promise<number> {
    if (this.#isMounted(this.#require(name))) return 0;
    return (await diskUsage(this.#directory(name))).bytes;
  }

  /** Every volume with its size and the number of its containers, for `system df`. */
  async usage(): Promise<Volume[]> {
    const volumes: Volume[] = [];
    for (const record of this.#records.values()) {
      const RefCount = this.dependencies.users.usersOf(record.name).length;
      volumes.push({ ...this.#describe(record), UsageData: { Size: await this.#size(record.name), RefCount } });
    }
    return volumes;
  }

  #isMounted(record: VolumeRecord): boolean {
    return Object.keys(record.options).length > 0;
  }

  async mount(name: string, container: ContainerId): Promise<string> {
    const record = this.#require(name);
    const directory = this.#directory(name);
    if (this.#isMounted(record)) {
      const holders = this.#holders.get(name) ?? new Set();
      this.#holders.set(name, holders);
      if (holders.size === 0 && !mountPointsBelow(this.#root).includes(directory))
        await mountByOptions(record, directory);
      holders.add(container);
    } else {
      mkdirSync(directory, { recursive: true, mode: 0o755 });
    }
    this.#publish('mount', record, { container, destination: '', 'read/write': 'true', propagation: '' });
    return directory;
  }

  async unmount(name: string, container: ContainerId): Promise<void> {
    const record = this.#records.get(name);
    if (!record) return;
    if (this.#isMounted(record)) {
      const holders = this.#holders.get(name);
      holders?.delete(container);
      if (!holders || holders.size === 0) unmount(this.#directory(name));
    }
    this.#publish('unmount', record, { container });
  }

  async reconcile(running: ReadonlySet<ContainerId>): Promise<void> {
    for (const record of this.#records.values()) {
      if (!this.#isMounted(record)) continue;
      const holders = this.dependencies.users.usersOf(record.name).filter(id => running.has(id));
      if (holders.length === 0) unmount(this.#directory(record.name));
      else this.#holders.set(record.name, new Set(holders));
    }
    // A directory without a record: a create or a removal was cut short.
    for (const name of readdirSync(this.#root)) {
      if (this.#records.has(name)) continue;
      log.info('removing what is left of a volume', { volume: name });
      unmount(this.#directory(name));
      await rm(`${this.#root}/${name}`, { recursive: true, force: true });
    }
  }

  #publish(action: string, record: VolumeRecord, attributes: Record<string, string> = {}): void {
    this.dependencies.events.publish('volume', action, {
      ID: record.name,
      Attributes: { driver: record.driver, ...attributes },
    });
  }
}

function checkName(name: string): void {
  if (namePattern.test(name)) return;
  throw invalid(
    `create ${name}: "${name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. ` +
      'If you intended to pass a host directory, use absolute path',
  );
}

function checkOptions(options: Record<string, string>): void {
  for (const name of Object.keys(options)) {
    if (name === 'size')
      throw notBuilt('the volume option "size" needs a file system with quotas, which is not built yet');
    if (!knownOptions.includes(name)) throw invalid(`invalid option: "${name}"`);
  }
  const given = Object.keys(options).length > 0;
  if (given && !options['device']) throw invalid('missing device in volume options');
  if (given && !options['type'] && !/(^|,)r?bind(,|$)/.test(options['o'] ?? '')) {
    throw invalid('missing type in volume options');
  }
}

async function mountByOptions({ name, options }: VolumeRecord, directory: string): Promise<void> {
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  const args = [
    ...(options['type'] && options['type'] !== 'none' ? ['-t', options['type']] : []),
    ...(options['o'] ? ['-o', options['o']] : []),
    options['device']!,
    directory,
  ];
  const child = Bun.spawn(['mount', ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  const [message, code] = await Promise.all([new Response(child.stderr).text(), child.exited]);
  if (code === 0) return;
  throw failed(
    `error while mounting volume '${directory}': failed to mount local volume ${name}: ${messageOf(message.trim())}`,
  );
}
