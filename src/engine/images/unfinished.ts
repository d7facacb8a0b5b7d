// Pulls and loads that have not ended: a crash, or a client that went away, has cut them off, or they go on. What they have
// brought so far stays, so that the same command goes on from there; but not for longer than somebody may come back.
import type { Descriptor } from '../../content/oci.ts';
import { DockyardError, isKind } from '../../lib/errors.ts';
import type { ChainId, Digest } from '../../lib/ids.ts';
import type { StateDatabase } from '../state/database.ts';

const KEPT_FOR = 24 * 3600 * 1000;

/** What was interrupted may be gone on with; what was wrong is not kept. */
export function mayGoOn(error: unknown): boolean {
  return !(error instanceof DockyardError) || isKind(error, 'unavailable');
}

interface UnfinishedPull {
  target: Descriptor;
  /** Milliseconds since 1970. */
  began: number;
}

type Kind = 'blob' | 'layer';

export class UnfinishedTransfers {
  readonly #pulls = new Map<string, UnfinishedPull>();
  /** What came with loads: when. What an archive is about is often said at its end. */
  readonly #loaded = { blob: new Map<Digest, number>(), layer: new Map<ChainId, number>() };

  constructor(private readonly database: StateDatabase) {
    const pulls = database.query('SELECT name, record FROM image_pulls').all() as { name: string; record: string }[];
    for (const { name, record } of pulls) this.#pulls.set(name, JSON.parse(record) as UnfinishedPull);
    const loaded = database.query('SELECT kind, digest, began FROM image_loads').all();
    for (const { kind, digest, began } of loaded as { kind: Kind; digest: Digest & ChainId; began: number }[]) {
      this.#loaded[kind].set(digest, began);
    }
  }

  pullBegan(name: string, target: Descriptor): void {
    const record: UnfinishedPull = { target, began: Date.now() };
    this.#pulls.set(name, record);
    this.database
      .query('INSERT INTO image_pulls (name, record) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET record = ?2')
      .run(name, JSON.stringify(record));
  }

  pullEnded(name: string): void {
    if (this.#pulls.delete(name)) this.database.query('DELETE FROM image_pulls WHERE name = ?').run(name);
  }

  /** To be told before the blob is in the store: a crash may come right after that. */
  blobLoaded(blob: Digest): void {
    this.#loads('blob', [blob]);
  }

  /** To be told before they get their places. */
  layersLoaded(layers: readonly ChainId[]): void {
    this.#loads('layer', layers);
  }

  #loads<D extends Digest | ChainId>(kind: Kind, digests: readonly D[]): void {
    const began = Date.now();
    this.database.transaction(() => {
      for (const digest of digests) {
        (this.#loaded[kind] as Map<D, number>).set(digest, began);
        this.database
          .query('INSERT OR REPLACE INTO image_loads (kind, digest, began) VALUES (?, ?, ?)')
          .run(kind, digest, began);
      }
    })();
  }

  /** The load that these came with, now or before a crash, needs nobody to go on with it. */
  loadEnded({ blobs, layers }: { blobs: Iterable<Digest>; layers: Iterable<ChainId> }): void {
    this.database.transaction(() => {
      for (const blob of blobs) this.#forgetLoaded('blob', blob);
      for (const layer of layers) this.#forgetLoaded('layer', layer);
    })();
  }

  #forgetLoaded(kind: Kind, digest: Digest | ChainId): void {
    if (!(this.#loaded[kind] as Map<Digest | ChainId, number>).delete(digest)) return;
    this.database.query('DELETE FROM image_loads WHERE kind = ? AND digest = ?').run(kind, digest);
  }

  /** What must stay because of them. */
  get roots(): { targets: Descriptor[]; blobs: Iterable<Digest>; layers: Iterable<ChainId> } {
    return {
      targets: [...this.#pulls.values()].map(({ target }) => target),
      blobs: this.#loaded.blob.keys(),
      layers: this.#loaded.layer.keys(),
    };
  }

  /** Gives up those that nobody went on with in time. */
  forgetOld(): void {
    this.#forget(Date.now() - KEPT_FOR);
  }

  forgetAll(): void {
    this.#forget(Number.POSITIVE_INFINITY);
  }

  #forget(until: number): void {
    for (const [name, { began }] of this.#pulls) if (began <= until) this.pullEnded(name);
    const isOver = ([, began]: [unknown, number]) => began <= until;
    const blobs = [...this.#loaded.blob].filter(isOver).map(([blob]) => blob);
    const layers = [...this.#loaded.layer].filter(isOver).map(([layer]) => layer);
    if (blobs.length + layers.length > 0) this.loadEnded({ blobs, layers });
  }
}
