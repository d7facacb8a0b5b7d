// Volumes of the local driver: <data root>/volumes/<name>/_data, and a row of the database for what a directory can't say.
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { diskUsage } from '../../content/disk-usage.ts';
import { mountPointsBelow, unmount } from '../../kernel/mount.ts';
import { conflict, failed, invalid, messageOf, notFound, withPrefix } from '../../lib/errors.ts';
import type { ContainerId } from '../../lib/ids.ts';
import { log } from '../../lib/logger.ts';
import { Mutex } from '../../lib/mutex.ts';
import type { Volume, VolumeCreateRequest, VolumeListResponse } from '../../wire/types.ts';
import type { Events } from '../events/events.ts';
import type { StateDatabase } from '../state/database.ts';
import { type DriverOptions, mountDevice, needsMount, validateDriverOptions } from './local-options.ts';
import { anonymousLabel, type FilterSubject, listFilter, pruneFilter } from './volume-filters.ts';
import { VolumeParts } from './volume-parts.ts';
import type { Filters, VolumePart, Volumes, VolumeUse, VolumeUsers } from './volumes.ts';

export interface VolumeDependencies {
  dataRoot: string;
  database: StateDatabase;
  events: Events;
  users: VolumeUsers;
}

interface VolumeRecord {
  name: string;
  created: string;
  labels: Record<string, string>;
  options: DriverOptions;
}

/** A volume while the daemon runs. */
interface LiveVolume {
  readonly record: VolumeRecord;
  /** Held while its mount changes and while it is removed. */
  readonly mutex: Mutex;
  /** Who has it mounted, and whether that was an event. */
  readonly mounts: Map<ContainerId, { event: boolean }>;
  mounted: boolean;
}

const driver = 'local';
const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
/** No volume's name begins with a dot. These are directories on their way out, */
const removedPrefix = '.removed-';
/** and here parts of volumes are mounted for a moment. */
const partsDirectory = '.parts';

function validateVolumeName(name: string): void {
  if (name.length === 1) {
    throw invalid('volume name is too short, names should be at least two alphanumeric characters');
  }
  if (namePattern.test(name)) return;
  throw invalid(
    `${JSON.stringify(name)} includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
  );
}

/** Without those of plugins, which are mounted by somebody else. */
export type LocalVolumes = Omit<Volumes, 'drivers' | 'close'>;

export function createLocalVolumes(dependencies: VolumeDependencies): LocalVolumes {
  return new VolumeStore(dependencies);
}

class VolumeStore implements LocalVolumes {
  readonly #root: string;
  readonly #database: StateDatabase;
  readonly #events: Events;
  readonly #users: VolumeUsers;
  readonly #volumes = new Map<string, LiveVolume>();
  readonly #parts: VolumeParts;
  #pruning = false;

  constructor({ dataRoot, database, events, users }: VolumeDependencies) {
    this.#root = join(dataRoot, 'volumes');
    this.#parts = new VolumeParts(join(this.#root, partsDirectory));
    this.#database = database;
    this.#events = events;
    this.#users = users;
    mkdirSync(this.#root, { recursive: true, mode: 0o701 });
    const rows = database.query<{ record: string }, []>('SELECT record FROM volumes').all();
    for (const row of rows) this.#add(JSON.parse(row.record) as VolumeRecord);
    this.#compareWithDisk();
  }

  #add(record: VolumeRecord): LiveVolume {
    const volume = { record, mutex: new Mutex(), mounts: new Map(), mounted: false };
    this.#volumes.set(record.name, volume);
    return volume;
  }

  /** A create or a removal may have been cut short; a volume that somebody put there is taken as it is, like Docker does. */
  #compareWithDisk(): void {
    const found = new Set(readdirSync(this.#root));
    for (const name of this.#volumes.keys()) if (!found.has(name)) this.#forget(name);
    for (const name of found) {
      if (name.startsWith(removedPrefix)) {
        this.#delete(join(this.#root, name));
      } else if (!this.#volumes.has(name) && namePattern.test(name)) {
        const stats = statSync(this.#data(name), { throwIfNoEntry: false });
        if (stats?.isDirectory()) {
          this.#store({ name, created: stats.birthtime.toISOString(), labels: {}, options: {} });
        }
      }
    }
  }

  #store(record: VolumeRecord): LiveVolume {
    this.#database.query('INSERT INTO volumes (name, record) VALUES (?, ?)').run(record.name, JSON.stringify(record));
    return this.#add(record);
  }

  #forget(name: string): void {
    this.#database.query('DELETE FROM volumes WHERE name = ?').run(name);
    this.#volumes.delete(name);
  }

  #data(name: string): string {
    return join(this.#root, name, '_data');
  }

  async create(request: VolumeCreateRequest): Promise<Volume> {
    const name = request.Name || randomBytes(32).toString('hex');
    const labels = { ...request.Labels, ...(request.Name ? {} : { [anonymousLabel]: '' }) };
    const options = request.DriverOpts ?? {};
    const existing = this.#volumes.get(name);
    if (existing) return this.#shown(existing);
    try {
      validateVolumeName(name);
      validateDriverOptions(options);
    } catch (error) {
      throw withPrefix(`create ${name}`, error);
    }
    const volume = this.#store({ name, created: new Date().toISOString(), labels, options });
    try {
      mkdirSync(join(this.#root, name), { mode: 0o701 });
      mkdirSync(this.#data(name), { mode: 0o755 });
    } catch (error) {
      this.#forget(name);
      throw failed(
        `create ${name}: error while creating volume root path '${join(this.#root, name)}': ${messageOf(error)}`,
        error,
      );
    }
    this.#publish(name, 'create', { driver });
    return this.#shown(volume);
  }

  has(name: string): boolean {
    return this.#volumes.has(name);
  }

  #get(name: string): LiveVolume {
    const volume = this.#volumes.get(name);
    if (!volume) throw notFound(`get ${name}: no such volume`);
    return volume;
  }

  async inspect(name: string): Promise<Volume> {
    return this.#shown(this.#get(name));
  }

  #shown({ record }: LiveVolume): Volume {
    return {
      CreatedAt: record.created.replace(/\.\d+Z$/, 'Z'),
      Driver: driver,
      Labels: record.labels,
      Mountpoint: this.#data(record.name),
      Name: record.name,
      Options: record.options,
      Scope: 'local',
    };
  }

  #select(test: (subject: FilterSubject) => boolean): LiveVolume[] {
    return [...this.#volumes.values()]
      .filter(({ record: { name, labels } }) => test({ name, driver, labels, used: this.#isUsed(name) }))
      .sort((a, b) => (a.record.name < b.record.name ? -1 : 1));
  }

  #isUsed(name: string): boolean {
    return this.#users.usersOf(name).length > 0;
  }

  async list(filters: Filters): Promise<VolumeListResponse> {
    return { Volumes: this.#select(listFilter(filters)).map(volume => this.#shown(volume)), Warnings: [] };
  }

  async usage(): Promise<Volume[]> {
    const volumes: Volume[] = [];
    for (const volume of this.#select(() => true)) {
      const { name, options } = volume.record;
      // What is mounted from elsewhere is not on our disk.
      const size = needsMount(options) ? -1 : (await diskUsage(this.#data(name))).bytes;
      const references = this.#users.usersOf(name).length;
      volumes.push({ ...this.#shown(volume), UsageData: { Size: size, RefCount: references } });
    }
    return volumes;
  }

  async remove(name: string, { force }: { force: boolean }): Promise<void> {
    if (force && !this.#volumes.has(name)) return;
    await this.#remove(this.#get(name));
  }

  async #remove(volume: LiveVolume): Promise<void> {
    const { name } = volume.record;
    using _ = await volume.mutex.lock();
    if (this.#volumes.get(name) !== volume) throw notFound(`get ${name}: no such volume`);
    const users = this.#users.usersOf(name);
    if (users.length > 0) throw conflict(`remove ${name}: volume is in use - [${users.join(', ')}]`);
    if (volume.mounts.size > 0) throw conflict(`remove ${name}: volume has active mounts`);
    this.#takeDown(volume);
    // First out of sight, then out of the database: cut short in between, the next start forgets it.
    const leaving = join(this.#root, `${removedPrefix}${randomBytes(8).toString('hex')}`);
    try {
      renameSync(join(this.#root, name), leaving);
    } catch (error) {
      throw failed(
        `remove ${name}: error removing volume path '${join(this.#root, name)}': ${messageOf(error)}`,
        error,
      );
    }
    this.#forget(name);
    await this.#delete(leaving);
    this.#publish(name, 'destroy', { driver });
  }

  /** Nothing refers to it any more; what can't be deleted now is tried again at the next start. */
  async #delete(directory: string): Promise<void> {
    try {
      for (const point of mountPointsBelow(directory)) unmount(point);
      await rm(directory, { recursive: true, force: true });
    } catch (error) {
      log.warn('could not delete all of a removed volume', { directory, error });
    }
  }

  async prune(filters: Filters): Promise<{ VolumesDeleted: string[]; SpaceReclaimed: number }> {
    const test = pruneFilter(filters);
    if (this.#pruning) throw conflict('a prune operation is already running');
    this.#pruning = true;
    const result = { VolumesDeleted: [] as string[], SpaceReclaimed: 0 };
    try {
      for (const volume of this.#select(subject => !subject.used && test(subject))) {
        const { name, options } = volume.record;
        if (Object.keys(options).length > 0) continue;
        const { bytes } = await diskUsage(this.#data(name));
        try {
          await this.#remove(volume);
        } catch (error) {
          // A container has taken it meanwhile, or somebody else removed it.
          log.warn('could not remove a volume', { volume: name, error });
          continue;
        }
        result.VolumesDeleted.push(name);
        result.SpaceReclaimed += bytes;
      }
    } finally {
      this.#pruning = false;
    }
    this.#publish('', 'prune', { reclaimed: String(result.SpaceReclaimed) });
    return result;
  }

  async mount(name: string, container: ContainerId, use?: VolumeUse): Promise<string> {
    const volume = this.#get(name);
    const path = this.#data(name);
    {
      using _ = await volume.mutex.lock();
      if (this.#volumes.get(name) !== volume) throw notFound(`get ${name}: no such volume`);
      if (needsMount(volume.record.options) && !volume.mounted) {
        await mountDevice(volume.record.options, path).catch(error => {
          throw withPrefix(`error while mounting volume '${path}'`, error);
        });
        volume.mounted = true;
      }
      const event = volume.mounts.get(container)?.event ?? false;
      volume.mounts.set(container, { event: event || use !== undefined });
    }
    if (use) {
      this.#publish(name, 'mount', {
        driver,
        container,
        destination: use.Destination ?? '',
        'read/write': String(use.RW !== false),
        propagation: use.Propagation ?? '',
      });
    }
    return path;
  }

  async unmount(name: string, container: ContainerId): Promise<void> {
    const volume = this.#volumes.get(name);
    if (!volume) return;
    using _ = await volume.mutex.lock();
    const held = volume.mounts.get(container);
    volume.mounts.delete(container);
    if (held?.event) this.#publish(name, 'unmount', { driver, container });
    if (volume.mounts.size === 0) this.#takeDown(volume);
  }

  #takeDown(volume: LiveVolume): void {
    if (!volume.mounted) return;
    unmount(this.#data(volume.record.name));
    volume.mounted = false;
  }

  openPart(name: string, subpath: string): VolumePart {
    return this.#parts.open(this.#data(name), subpath);
  }

  openPartOf(directory: string, subpath: string): VolumePart {
    return this.#parts.open(directory, subpath);
  }

  async reconcile(running: ReadonlySet<ContainerId>): Promise<void> {
    this.#parts.clear();
    const mounted = new Set(mountPointsBelow(this.#root));
    for (const volume of this.#volumes.values()) {
      const { name } = volume.record;
      for (const user of this.#users.usersOf(name)) {
        if (running.has(user)) volume.mounts.set(user, { event: true });
      }
      if (!needsMount(volume.record.options)) continue;
      volume.mounted = mounted.has(this.#data(name));
      if (volume.mounts.size === 0) this.#takeDown(volume);
    }
  }

  #publish(name: string, action: string, attributes: Record<string, string>): void {
    this.#events.publish('volume', action, { ID: name, Attributes: attributes });
  }
}
