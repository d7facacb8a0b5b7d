// Which images there are and what they are called. An image is what a name points at: a manifest, or an index of several
// platforms' manifests. One without a name is dangling. Held in memory, written through to the database.
import type { Descriptor } from '../../content/oci.ts';
import type { Digest } from '../../lib/ids.ts';
import type { StateDatabase } from '../state/database.ts';

export interface ImageRecord {
  readonly target: Descriptor;
  /** RFC 3339: when it came to this engine. */
  readonly created: string;
  /** RFC 3339: when it was last given a name. */
  readonly lastTagged: string;
  /** The image it was made of by commit. */
  readonly parent?: Digest;
}

export class ImageRecords {
  readonly #images = new Map<Digest, ImageRecord>();
  readonly #names = new Map<string, Digest>();
  readonly #namesOf = new Map<Digest, Set<string>>();

  constructor(private readonly database: StateDatabase) {
    for (const row of database.query('SELECT id, record FROM images').all() as { id: Digest; record: string }[]) {
      this.#images.set(row.id, JSON.parse(row.record) as ImageRecord);
    }
    const names = database.query('SELECT name, image FROM image_names').all() as { name: string; image: Digest }[];
    for (const { name, image } of names) this.#link(name, image);
  }

  get count(): number {
    return this.#images.size;
  }

  all(): Iterable<ImageRecord> {
    return this.#images.values();
  }

  get(id: Digest): ImageRecord | undefined {
    return this.#images.get(id);
  }

  /** By a full name: docker.io/library/busybox:latest. */
  named(name: string): ImageRecord | undefined {
    const id = this.#names.get(name);
    return id && this.#images.get(id);
  }

  /** Full names, in order. */
  namesOf(id: Digest): string[] {
    return [...(this.#namesOf.get(id) ?? [])].sort();
  }

  names(): IterableIterator<[name: string, image: Digest]> {
    return this.#names.entries();
  }

  /** A new image, or one that is here already; perhaps under a new name, which another image may lose by that. */
  put(target: Descriptor, name?: string, parent?: Digest): ImageRecord {
    const now = new Date().toISOString();
    const known = this.#images.get(target.digest);
    const record: ImageRecord = {
      target: { mediaType: target.mediaType, digest: target.digest, size: target.size },
      created: known?.created ?? now,
      lastTagged: name === undefined ? (known?.lastTagged ?? now) : now,
      ...((known?.parent ?? parent) && { parent: known?.parent ?? parent }),
    };
    this.database.transaction(() => {
      this.database
        .query('INSERT INTO images (id, record) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET record = ?2')
        .run(target.digest, JSON.stringify(record));
      if (name === undefined) return;
      this.database
        .query('INSERT INTO image_names (name, image) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET image = ?2')
        .run(name, target.digest);
    })();
    this.#images.set(target.digest, record);
    if (name !== undefined) this.#link(name, target.digest);
    return record;
  }

  /** All that `change` does to them, or nothing of it. */
  atomically<T>(change: () => T): T {
    return this.database.transaction(change)();
  }

  removeName(name: string): void {
    this.database.query('DELETE FROM image_names WHERE name = ?').run(name);
    this.#unlink(name);
  }

  remove(id: Digest): void {
    this.database.query('DELETE FROM images WHERE id = ?').run(id);
    for (const name of this.namesOf(id)) this.#unlink(name);
    this.#images.delete(id);
  }

  #link(name: string, id: Digest): void {
    this.#unlink(name);
    this.#names.set(name, id);
    const names = this.#namesOf.get(id) ?? new Set();
    names.add(name);
    this.#namesOf.set(id, names);
  }

  #unlink(name: string): void {
    const id = this.#names.get(name);
    if (id === undefined) return;
    this.#names.delete(name);
    const names = this.#namesOf.get(id);
    names?.delete(name);
    if (names?.size === 0) this.#namesOf.delete(id);
  }
}
