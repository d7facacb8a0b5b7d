// Gathers the readings of many containers, and follows which containers there are.
import type { EngineClient } from '../../../client/client.ts';
import * as containers from '../../../client/containers.ts';
import { ConnectionError } from '../../../client/errors.ts';
import { events } from '../../../client/system.ts';
import type { ContainerStatsResponse } from '../../../wire/types.ts';
import type { StatsRow } from '../../format/lists/stats.ts';

/** A reading that is older than this says nothing any more. */
const STALE_MS = 2000;

interface Watched {
  container: string;
  reading?: ContainerStatsResponse;
  readAt: number;
  /** Resolves with the first reading, or when there won't be one soon. */
  first: Promise<void>;
}

export class StatsCollector {
  readonly errors: string[] = [];
  /** Resolves when the engine is heard no more. */
  readonly lost: Promise<void>;
  #lose!: () => void;
  readonly #watched = new Map<string, Watched>();

  constructor(
    private readonly client: EngineClient,
    private readonly stream: boolean,
  ) {
    this.lost = new Promise(resolve => {
      this.#lose = resolve;
    });
  }

  get size(): number {
    return this.#watched.size;
  }

  add(container: string): void {
    if (this.#watched.has(container)) return;
    let resolve!: () => void;
    const first = new Promise<void>(done => {
      resolve = done;
    });
    const watched: Watched = { container, readAt: 0, first };
    this.#watched.set(container, watched);
    void this.#collect(watched, resolve).finally(resolve);
    if (this.stream) setTimeout(resolve, STALE_MS);
  }

  async #collect(watched: Watched, gotFirst: () => void): Promise<void> {
    try {
      for await (const reading of containers.stats(this.client, watched.container, this.stream)) {
        if (this.#watched.get(watched.container) !== watched) return;
        watched.reading = reading;
        watched.readAt = Date.now();
        gotFirst();
      }
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.errors.push(error.message);
      if (error instanceof ConnectionError) this.#lose();
    }
  }

  /** Adds all containers, and follows those that come and go. */
  async watchAll(stopped: boolean): Promise<void> {
    const began = Math.floor(Date.now() / 1000);
    // The list first and then every event since: whatever happens in between is seen.
    for (const { Id } of await containers.list(this.client, { all: stopped })) if (Id) this.add(Id);
    if (this.stream) void this.#follow(stopped, began);
  }

  async #follow(stopped: boolean, since: number): Promise<void> {
    const filters = { type: ['container'] };
    try {
      for await (const { Action, Actor } of events(this.client, { since: String(since), filters })) {
        const id = Actor?.ID;
        if (!id) continue;
        if (Action === 'start' || (stopped && Action === 'create')) this.add(id);
        else if (Action === 'destroy' || (!stopped && Action === 'die')) this.#watched.delete(id);
      }
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
    }
    this.#lose();
  }

  async firstReadings(): Promise<void> {
    await Promise.all([...this.#watched.values()].map(({ first }) => first));
  }

  rows(truncate: boolean): StatsRow[] {
    const oldest = Date.now() - STALE_MS;
    return [...this.#watched.values()].map(({ container, reading, readAt }) => ({
      container,
      reading: !this.stream || readAt >= oldest ? reading : undefined,
      known: reading,
      truncate,
    }));
  }
}
