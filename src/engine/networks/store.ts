// Networks and sandboxes in memory, written through to the database: reading costs nothing, a change survives a crash.
import type { ContainerId, NetworkId } from '../../lib/ids.ts';
import type { StateDatabase } from '../state/database.ts';
import type { NetworkRecord, SandboxRecord } from './record.ts';

export class NetworkStore {
  readonly #networks = new Map<NetworkId, NetworkRecord>();
  readonly #sandboxes = new Map<ContainerId, SandboxRecord>();

  /** Called after each change of a sandbox. */
  onSandboxChange: () => void = () => undefined;

  constructor(private readonly database: StateDatabase) {
    for (const { record } of database.query<{ record: string }, []>('SELECT record FROM networks').all()) {
      const network = JSON.parse(record) as NetworkRecord;
      this.#networks.set(network.id, network);
    }
    for (const { record } of database.query<{ record: string }, []>('SELECT record FROM sandboxes').all()) {
      const sandbox = JSON.parse(record) as SandboxRecord;
      this.#sandboxes.set(sandbox.container, sandbox);
    }
  }

  /** Those that can be used. */
  get networks(): IterableIterator<NetworkRecord> {
    return this.#networks.values().filter(network => !network.unfinished);
  }

  /** Also those in the making, and on their way out. */
  get allNetworks(): IterableIterator<NetworkRecord> {
    return this.#networks.values();
  }

  network(id: NetworkId | undefined): NetworkRecord | undefined {
    const network = id === undefined ? undefined : this.#networks.get(id);
    return network?.unfinished ? undefined : network;
  }

  saveNetwork(record: NetworkRecord): void {
    this.database
      .query('INSERT OR REPLACE INTO networks (id, name, record) VALUES (?, ?, ?)')
      .run(record.id, record.name, JSON.stringify(record));
    this.#networks.set(record.id, record);
  }

  deleteNetwork(id: NetworkId): void {
    this.database.query('DELETE FROM networks WHERE id = ?').run(id);
    this.#networks.delete(id);
  }

  get sandboxes(): IterableIterator<SandboxRecord> {
    return this.#sandboxes.values();
  }

  sandbox(container: ContainerId): SandboxRecord | undefined {
    return this.#sandboxes.get(container);
  }

  saveSandbox(record: SandboxRecord): void {
    this.database
      .query('INSERT OR REPLACE INTO sandboxes (container, record) VALUES (?, ?)')
      .run(record.container, JSON.stringify(record));
    this.#sandboxes.set(record.container, record);
    this.onSandboxChange();
  }

  deleteSandbox(container: ContainerId): void {
    this.database.query('DELETE FROM sandboxes WHERE container = ?').run(container);
    this.#sandboxes.delete(container);
    this.onSandboxChange();
  }
}
