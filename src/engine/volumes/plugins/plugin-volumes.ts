// Volumes of plugins: where they are, and what is in them, is the plugin's business. What the engine knows of one is what the user
// said of it, and which container has it mounted: that is stored before the plugin is asked, so that every mount is given back.
import { randomBytes } from 'node:crypto';
import { AgainLater } from '../../../lib/again-later.ts';
import { conflict, isKind, messageOf, notFound, withPrefix } from '../../../lib/errors.ts';
import type { ContainerId } from '../../../lib/ids.ts';
import { log } from '../../../lib/logger.ts';
import { Mutex } from '../../../lib/mutex.ts';
import type { Plugins } from '../../../plugins/plugins.ts';
import type { Volume, VolumeCreateRequest } from '../../../wire/types.ts';
import type { Events } from '../../events/events.ts';
import type { StateDatabase } from '../../state/database.ts';
import type { VolumeUse, VolumeUsers } from '../volumes.ts';
import { type PluginVolume, VolumePlugin } from './volume-plugin.ts';

/** A plugin may be starting like everything else, after a boot for instance. */
const PATIENCE_MS = 15_000;
/** Who waits for the end of a container is not to wait for a plugin that hangs. */
const WAIT_FOR_UNMOUNT_MS = 5_000;

interface VolumeRecord {
  name: string;
  driver: string;
  created: string;
  labels: Record<string, string>;
  options: Record<string, string>;
  /** By container: what the plugin was told that it is mounted for. */
  mounts: Record<ContainerId, { id: string; event: boolean }>;
}

interface KnownVolume {
  readonly record: VolumeRecord;
  /** Held while its mounts change and while it is removed. */
  readonly mutex: Mutex;
  /** Where it is, as long as it is mounted. */
  path: string | undefined;
}

interface PluginVolumesDependencies {
  database: StateDatabase;
  events: Events;
  users: VolumeUsers;
  plugins: Plugins;
}

export class PluginVolumes implements Disposable {
  readonly #database: StateDatabase;
  readonly #events: Events;
  readonly #users: VolumeUsers;
  readonly #plugins: Plugins;
  readonly #volumes = new Map<string, KnownVolume>();
  /** Volume and container of the mounts that are to be given back. */
  readonly #owed = new Set<string>();
  /** Those that somebody waits for. */
  readonly #unmounting = new Set<string>();
  readonly #later = new AgainLater(() => void this.#releaseOwed());

  constructor({ database, events, users, plugins }: PluginVolumesDependencies) {
    this.#database = database;
    this.#events = events;
    this.#users = users;
    this.#plugins = plugins;
    for (const { record } of database.query<{ record: string }, []>('SELECT record FROM plugin_volumes').all()) {
      this.#add(JSON.parse(record) as VolumeRecord);
    }
  }

  /** Names, for `docker info`. */
  get drivers(): string[] {
    return [...new Set([...this.#plugins.known('VolumeDriver'), ...[...this.#volumes.values()].map(driverOf)])].sort();
  }

  driverOf(name: string): string | undefined {
    return this.#volumes.get(name)?.record.driver;
  }

  async create(driver: string, request: VolumeCreateRequest & { Name: string }): Promise<Volume> {
    const { Name: name, DriverOpts: options = {}, Labels: labels = {} } = request;
    const known = this.#volumes.get(name);
    if (known && known.record.driver !== driver) throw taken(name, known.record.driver);
    const plugin = await this.#plugin(driver, `create ${name}`, 0);
    if (!known) {
      // One that the plugin has already is taken as it is, like one that the engine knows.
      if (!(await plugin.get(name))) await prefixed(`create ${name}`, plugin.create(name, options));
      const other = this.#volumes.get(name);
      if (other && other.record.driver !== driver) throw taken(name, other.record.driver);
      if (!other) {
        this.#save(this.#add({ name, driver, created: new Date().toISOString(), labels, options, mounts: {} }));
        this.#publish(name, 'create', { driver });
      }
    }
    return this.inspect(name);
  }

  /** Also one that only a plugin knows. */
  async inspect(name: string): Promise<Volume> {
    const known = this.#volumes.get(name);
    if (!known) return this.#inspectUnknown(name);
    const plugin = await this.#plugin(known.record.driver, `get ${name}`, 0);
    const found = await plugin.get(name);
    if (!found) throw notFound(`get ${name}: no such volume`);
    return shown(known.record, found, await plugin.scope());
  }

  async #inspectUnknown(name: string): Promise<Volume> {
    for (const plugin of await this.#plugins.all('VolumeDriver')) {
      const volume = new VolumePlugin(plugin);
      const found = await volume.get(name).catch(() => undefined);
      if (found) return shown(unrecorded(name, plugin.name), found, await volume.scope());
    }
    throw notFound(`get ${name}: no such volume`);
  }

  /** A plugin that does not answer costs the list its volumes, and nothing more. */
  async list(): Promise<{ volumes: Volume[]; warnings: string[] }> {
    const plugins = new Map((await this.#plugins.all('VolumeDriver')).map(plugin => [plugin.name, plugin]));
    const warnings: string[] = [];
    const lists = [...plugins].map(async ([name, plugin]) => {
      try {
        const volume = new VolumePlugin(plugin);
        const [found, scope] = await Promise.all([volume.list(), volume.scope()]);
        return found.map(one => shown(this.#recordOf(one.name, name), one, scope));
      } catch (error) {
        warnings.push(messageOf(error));
        return [];
      }
    });
    const volumes = (await Promise.all(lists)).flat();
    for (const driver of new Set([...this.#volumes.values()].map(driverOf))) {
      if (!plugins.has(driver)) warnings.push(`volume plugin ${driver} does not answer`);
    }
    return { volumes, warnings };
  }

  /** What they take up nobody tells us. */
  usage(): Volume[] {
    return [...this.#volumes.values()].map(({ record }) => ({
      ...shown(record, { name: record.name, mountpoint: '', created: '', status: undefined }, 'local'),
      UsageData: { Size: -1, RefCount: this.#users.usersOf(record.name).length },
    }));
  }

  async remove(name: string, { force }: { force: boolean }): Promise<void> {
    const volume = this.#volumes.get(name);
    const driver = volume?.record.driver ?? (await this.inspect(name)).Driver;
    using _ = await (volume?.mutex.lock() ?? { [Symbol.dispose]: () => {} });
    const users = this.#users.usersOf(name);
    if (users.length > 0) throw conflict(`remove ${name}: volume is in use - [${users.join(', ')}]`);
    try {
      const plugin = await this.#plugin(driver, `remove ${name}`, 0);
      await prefixed(`remove ${name}`, plugin.remove(name));
    } catch (error) {
      if (!force) throw error;
      log.warn('a volume is forgotten, though its plugin did not remove it', { volume: name, error: messageOf(error) });
    }
    this.#database.query('DELETE FROM plugin_volumes WHERE name = ?').run(name);
    this.#volumes.delete(name);
    this.#publish(name, 'destroy', { driver });
  }

  async mount(name: string, container: ContainerId, use: VolumeUse | undefined): Promise<string> {
    const volume = this.#require(name);
    const { record } = volume;
    using _ = await volume.mutex.lock();
    if (this.#volumes.get(name) !== volume) throw notFound(`get ${name}: no such volume`);
    const held = record.mounts[container];
    const id = held?.id ?? randomBytes(32).toString('hex');
    record.mounts[container] = { id, event: held?.event || use !== undefined };
    this.#owed.delete(keyOf(record, container));
    this.#save(volume);
    if (!held || volume.path === undefined) volume.path = await this.#mount(volume, container, id);
    if (use) {
      this.#publish(name, 'mount', {
        driver: record.driver,
        container,
        destination: use.Destination ?? '',
        'read/write': String(use.RW !== false),
        propagation: use.Propagation ?? '',
      });
    }
    return volume.path;
  }

  async #mount(volume: KnownVolume, container: ContainerId, id: string): Promise<string> {
    const { record } = volume;
    const doing = `error while mounting volume '${record.name}'`;
    try {
      const plugin = await this.#plugin(record.driver, doing, PATIENCE_MS);
      return await prefixed(doing, plugin.mount(record.name, id));
    } catch (error) {
      // Only a plugin that did not answer may have mounted it all the same.
      if (!isKind(error, 'unavailable')) {
        delete record.mounts[container];
        this.#save(volume);
      }
      throw error;
    }
  }

  async unmount(name: string, container: ContainerId): Promise<void> {
    const volume = this.#volumes.get(name);
    if (!volume?.record.mounts[container]) return;
    const key = keyOf(volume.record, container);
    // Somebody has waited already.
    if (this.#unmounting.has(key)) return;
    this.#unmounting.add(key);
    const unmounted = volume.mutex.lock().then(async lock => {
      using _ = lock;
      try {
        await this.#unmount(volume, container);
      } finally {
        this.#unmounting.delete(key);
      }
    });
    await Promise.race([unmounted, Bun.sleep(WAIT_FOR_UNMOUNT_MS)]);
  }

  /** Where it is mounted. */
  pathOf(name: string): string {
    const { path } = this.#require(name);
    if (path === undefined) throw conflict(`volume ${name} is not mounted`);
    return path;
  }

  /** In the background: a plugin that is not there must not hold up the start of the engine. */
  reconcile(running: ReadonlySet<ContainerId>): void {
    for (const { record } of this.#volumes.values()) {
      for (const container of containersOf(record)) {
        if (!running.has(container)) this.#owed.add(keyOf(record, container));
      }
    }
    void this.#releaseOwed();
  }

  [Symbol.dispose](): void {
    this.#later[Symbol.dispose]();
  }

  /** Mounts of containers that ended while nobody could be told. */
  async #releaseOwed(): Promise<void> {
    for (const volume of this.#volumes.values()) {
      using _ = await volume.mutex.lock();
      for (const container of containersOf(volume.record)) {
        if (this.#owed.has(keyOf(volume.record, container))) await this.#unmount(volume, container);
      }
    }
  }

  /** Never throws: what the plugin could not be told, it is told later. */
  async #unmount(volume: KnownVolume, container: ContainerId): Promise<void> {
    const { record } = volume;
    const held = record.mounts[container];
    if (!held || this.#later.closed) return;
    const key = keyOf(record, container);
    try {
      const plugin = await this.#plugin(record.driver, `unmount ${record.name}`, 0);
      await plugin.unmount(record.name, held.id);
    } catch (error) {
      log.warn('a plugin could not unmount a volume', { volume: record.name, container, error: messageOf(error) });
      if (isKind(error, 'unavailable') || isKind(error, 'notFound')) {
        this.#owed.add(key);
        this.#later.postpone();
        return;
      }
    }
    this.#owed.delete(key);
    this.#later.succeeded();
    delete record.mounts[container];
    if (Object.keys(record.mounts).length === 0) volume.path = undefined;
    if (this.#later.closed) return;
    this.#save(volume);
    if (held.event) this.#publish(record.name, 'unmount', { driver: record.driver, container });
  }

  async #plugin(driver: string, doing: string, patienceMs: number): Promise<VolumePlugin> {
    const plugin = this.#plugins.get(driver, 'VolumeDriver', { patienceMs });
    return new VolumePlugin(await prefixed(`${doing}: error looking up volume plugin ${driver}`, plugin));
  }

  #require(name: string): KnownVolume {
    const volume = this.#volumes.get(name);
    if (!volume) throw notFound(`get ${name}: no such volume`);
    return volume;
  }

  #recordOf(name: string, driver: string): VolumeRecord {
    const record = this.#volumes.get(name)?.record;
    return record?.driver === driver ? record : unrecorded(name, driver);
  }

  #add(record: VolumeRecord): KnownVolume {
    const volume: KnownVolume = { record, mutex: new Mutex(), path: undefined };
    this.#volumes.set(record.name, volume);
    return volume;
  }

  #save({ record }: KnownVolume): void {
    this.#database
      .query('INSERT OR REPLACE INTO plugin_volumes (name, record) VALUES (?, ?)')
      .run(record.name, JSON.stringify(record));
  }

  #publish(name: string, action: string, attributes: Record<string, string>): void {
    this.#events.publish('volume', action, { ID: name, Attributes: attributes });
  }
}

export const taken = (name: string, driver: string) =>
  conflict(`create ${name}: driver '${driver}' already has volume '${name}': volume name must be unique`);

const containersOf = ({ mounts }: VolumeRecord) => Object.keys(mounts) as ContainerId[];
const keyOf = ({ name }: VolumeRecord, container: ContainerId) => `${name} ${container}`;
const driverOf = ({ record }: KnownVolume) => record.driver;

/** One that nobody made through this engine. */
const unrecorded = (name: string, driver: string): VolumeRecord => ({
  name,
  driver,
  created: '',
  labels: {},
  options: {},
  mounts: {},
});

function shown(record: VolumeRecord, found: PluginVolume, scope: 'local' | 'global'): Volume {
  return {
    CreatedAt: found.created || record.created.replace(/\.\d+Z$/, 'Z'),
    Driver: record.driver,
    Labels: record.labels,
    Mountpoint: found.mountpoint,
    Name: record.name,
    Options: record.options,
    Scope: scope,
    ...(found.status ? { Status: found.status as NonNullable<Volume['Status']> } : {}),
  };
}

async function prefixed<T>(prefix: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw withPrefix(prefix, error);
  }
}
