// The file that conmon appends to. It can be taken away from conmon: renamed first, then conmon is told to open its path again, which it
// does by renaming a new file over it. So it must never be told twice for one rename: the second new file would replace the first.
import { existsSync, type FSWatcher, renameSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { unavailable } from '../../lib/errors.ts';
import { Pulse } from '../../lib/pulse.ts';

/** How long a request to reopen, sent by a daemon that died meanwhile, may take to be obeyed. */
const graceMilliseconds = 2_000;
const reopenMilliseconds = 20_000;

export class ConmonFile {
  /** Beats when conmon may have written something. */
  readonly pulse = new Pulse();
  #watcher: FSWatcher | undefined;

  constructor(
    readonly path: string,
    private readonly reopen: () => Promise<void>,
  ) {}

  /** The path's directory is watched from now on until `unwatch`. */
  watch(onChange: () => void): void {
    if (this.#watcher) return;
    const name = basename(this.path);
    this.#watcher = watch(dirname(this.path), (_event, changed) => {
      if (changed !== name) return;
      this.pulse.beat();
      onChange();
    });
    this.#watcher.on('error', () => {
      // The directory is gone: so is the container.
      this.unwatch();
    });
  }

  unwatch(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  exists(): boolean {
    return existsSync(this.path);
  }

  /** Names the file `target`; conmon goes on writing to it until it is told to take a new one. */
  take(target: string): void {
    renameSync(this.path, target);
  }

  /** After `take`: resolves when conmon writes to a new file, so that nothing more comes to the old. */
  async renew(signal: AbortSignal): Promise<void> {
    await this.reopen();
    await this.#appears(reopenMilliseconds, signal);
  }

  /** After a daemon restart, with conmon running: a rotation that was cut short is finished. */
  async repair(signal: AbortSignal): Promise<void> {
    if (this.exists()) return;
    try {
      await this.#appears(graceMilliseconds, signal);
    } catch {
      // Not asked for before the daemon died.
      if (signal.aborted) return;
      await this.renew(signal);
    }
  }

  async #appears(milliseconds: number, signal: AbortSignal): Promise<void> {
    const deadline = Date.now() + milliseconds;
    for (;;) {
      const seen = this.pulse.count;
      if (this.exists()) return;
      if (signal.aborted || Date.now() > deadline) throw unavailable(`conmon did not reopen ${this.path}`);
      // The watcher tells as a rule; the time limit is for a rename that it reports under another name.
      await this.pulse.after(seen, signal, 25);
    }
  }
}
