// The file that conmon appends to. It can be taken away from conmon: renamed first, then conmon is told to open its path again, which it
// does by renaming a new file over it. So it must never be told twice for one rename: the second new file would replace the first.
import { existsSync, type FSWatcher, renameSync, statSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { unavailable } from '../../lib/errors.ts';
import { Pulse } from '../../lib/pulse.ts';

/** How long a request to reopen, sent by a daemon that died meanwhile, may take to be obeyed. */
const graceMilliseconds = 2_000;
const reopenMilliseconds = 20_000;

/** A file that grows is looked at so often; being told of each write would cost conmon a tenth of its time, and us more. */
const lookMilliseconds = 10;
/** So often without finding anything new: then we are told again. */
const patience = 10;

export class ConmonFile {
  /** Beats when conmon may have written something. */
  readonly pulse = new Pulse();
  #watching: { onChange(): void; told?: FSWatcher; timer?: Timer } | undefined;

  constructor(
    readonly path: string,
    private readonly reopen: () => Promise<void>,
  ) {}

  /** The path is watched from now on until `unwatch`. */
  watch(onChange: () => void): void {
    if (this.#watching) return;
    this.#watching = { onChange };
    this.#listen();
  }

  unwatch(): void {
    this.#watching?.told?.close();
    clearTimeout(this.#watching?.timer);
    this.#watching = undefined;
  }

  /** Waits to be told of a write. */
  #listen(): void {
    const watching = this.#watching!;
    const name = basename(this.path);
    watching.told = watch(dirname(this.path), (_event, changed) => {
      if (changed === name) this.#lookNow();
    });
    watching.told.on('error', () => {
      // The directory is gone: so is the container.
      this.unwatch();
    });
  }

  #lookNow(): void {
    const watching = this.#watching;
    if (!watching?.told) return;
    watching.told.close();
    watching.told = undefined;
    this.#look(undefined, patience);
  }

  /** Looks again and again, as long as there is something new. */
  #look(before: string | undefined, left: number): void {
    const watching = this.#watching;
    if (!watching) return;
    const state = this.#state();
    const changed = state !== before;
    if (changed) {
      this.pulse.beat();
      watching.onChange();
    }
    if (changed || left > 0) {
      watching.timer = setTimeout(() => this.#look(state, changed ? patience : left - 1), lookMilliseconds);
      return;
    }
    this.#listen();
    // What came before we listened.
    if (this.#state() !== state) this.#lookNow();
  }

  #state(): string {
    const stats = statSync(this.path, { throwIfNoEntry: false });
    return stats ? `${stats.ino} ${stats.size}` : 'not there';
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
