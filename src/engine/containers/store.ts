// All containers of the engine: in memory for reading, in the database before anything is answered.
import { conflict, invalid, messageOf, notFound } from '../../lib/errors.ts';
import type { ContainerId } from '../../lib/ids.ts';
import { log } from '../../lib/logger.ts';
import type { StateDatabase } from '../state/database.ts';
import type { ContainerRecord } from './record.ts';

const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

export class ContainerStore {
  readonly #records = new Map<ContainerId, ContainerRecord>();
  readonly #names = new Map<string, ContainerId>();
  readonly #insert;
  readonly #update;
  readonly #delete;

  constructor(database: StateDatabase) {
    this.#insert = database.query('INSERT INTO containers (id, name, record) VALUES (?1, ?2, ?3)');
    this.#update = database.query('UPDATE containers SET name = ?2, record = ?3 WHERE id = ?1');
    this.#delete = database.query('DELETE FROM containers WHERE id = ?1');
    for (const row of database.query('SELECT record FROM containers').all() as { record: string }[]) {
      const record = JSON.parse(row.record) as ContainerRecord;
      this.#records.set(record.id, record);
      this.#names.set(record.name, record.id);
    }
  }

  get size(): number {
    return this.#records.size;
  }

  all(): IterableIterator<ContainerRecord> {
    return this.#records.values();
  }

  get(id: ContainerId): ContainerRecord | undefined {
    return this.#records.get(id);
  }

  /** By name, full id or unique prefix of one, as people type them. */
  find(reference: string): ContainerRecord | undefined {
    const name = reference.startsWith('/') ? reference.slice(1) : reference;
    const exact = this.#records.get(name as ContainerId) ?? this.#byName(name);
    if (exact) return exact;
    if (!/^[0-9a-f]{1,64}$/.test(name)) return undefined;
    let found: ContainerRecord | undefined;
    for (const [id, record] of this.#records) {
      if (!id.startsWith(name)) continue;
      if (found) throw invalid(`Multiple IDs found with provided prefix: ${name}`);
      found = record;
    }
    return found;
  }

  require(reference: string): ContainerRecord {
    if (reference === '') throw invalid('No container name or ID supplied');
    const found = this.find(reference);
    if (!found) throw notFound(`No such container: ${reference}`);
    return found;
  }

  #byName(name: string): ContainerRecord | undefined {
    const id = this.#names.get(name);
    return id && this.#records.get(id);
  }

  /** Throws unless the name is well-formed and free. */
  checkName(name: string): void {
    if (!namePattern.test(name)) {
      throw invalid(`Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`);
    }
    const holder = this.#names.get(name);
    if (holder) {
      throw conflict(
        `Conflict. The container name "/${name}" is already in use by container "${holder}". ` +
          'You have to remove (or rename) that container to be able to reuse that name.',
      );
    }
  }

  hasName(name: string): boolean {
    return this.#names.has(name);
  }

  insert(record: ContainerRecord): void {
    this.#insert.run(record.id, record.name, JSON.stringify(record));
    this.#records.set(record.id, record);
    this.#names.set(record.name, record.id);
  }

  /** Stores what was changed in place. */
  save(record: ContainerRecord): void {
    if (this.#records.get(record.id) !== record) return;
    this.#update.run(record.id, record.name, JSON.stringify(record));
  }

  /** For what happens whether it can be stored or not: an exit, or a stop that makes room on a full disk. */
  saveIfPossible(record: ContainerRecord): boolean {
    try {
      this.save(record);
      return true;
    } catch (error) {
      log.error('could not store the state of a container', { container: record.id, error: messageOf(error) });
      return false;
    }
  }

  rename(record: ContainerRecord, name: string): void {
    const old = record.name;
    record.name = name;
    try {
      this.save(record);
    } catch (error) {
      record.name = old;
      throw error;
    }
    this.#names.delete(old);
    this.#names.set(name, record.id);
  }

  delete(id: ContainerId): void {
    const record = this.#records.get(id);
    if (!record) return;
    this.#delete.run(id);
    this.#records.delete(id);
    if (this.#names.get(record.name) === id) this.#names.delete(record.name);
  }
}
