// What is no longer wanted goes out of the way at once; its files are deleted after that, however many they are.
import { readdirSync, renameSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { errnoOf, messageOf } from '../lib/errors.ts';
import { log } from '../lib/logger.ts';
import type { ContentLayout } from './layout.ts';

export class Removals {
  /** No process id: in a container, the next engine has the same. */
  readonly #mark = Date.now().toString(36);
  readonly #underWay = new Set<Promise<void>>();
  #count = 0;

  constructor(private readonly layout: ContentLayout) {}

  /** Resolves when its files are gone; what is not there is no trouble. */
  async remove(path: string): Promise<void> {
    const removing = `${this.layout.removing}/${this.#mark}-${++this.#count}`;
    try {
      renameSync(path, removing);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return;
      throw error;
    }
    await rm(removing, { recursive: true, force: true });
  }

  /** Nobody waits for it. */
  removeInBackground(path: string): void {
    this.#inBackground(this.remove(path));
  }

  /** What earlier engines did not get done. */
  finishEarlier(): void {
    for (const name of readdirSync(this.layout.removing)) {
      this.#inBackground(rm(`${this.layout.removing}/${name}`, { recursive: true, force: true }));
    }
  }

  /** Resolves when all that was begun in the background is done. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  #inBackground(removal: Promise<void>): void {
    const done = removal
      .catch((error: unknown) => log.warn('could not remove what is no longer needed', { error: messageOf(error) }))
      .finally(() => this.#underWay.delete(done));
    this.#underWay.add(done);
  }
}
