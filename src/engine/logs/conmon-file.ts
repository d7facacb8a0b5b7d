// The file that conmon appends to. It can be taken away from conmon: renamed first, then conmon is told to open its path again, which it
// does by renaming a new file over it. So it must never be told twice for one rename: the second new file would replace the first.
import { existsSync, type FSWatcher, renameSync, statSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { errnoOf, messageOf, unavailable } from '../../lib/errors.ts';
import { log } from '../../lib/logger.ts';
import { Pulse } from '../../lib/pulse.ts';

/** How long a request to reopen, sent by a daemon that died meanwhile, may take to be obeyed. */
const graceMilliseconds = 2_000;
const reopenMilliseconds = 20_000;

/**
 * A file that grows is looked at so often if somebody waits for it or it grows fast. Being told of each write would cost conmon a
 * tenth of its time, and us more.
 */
const soonMilliseconds = 10;
const laterMilliseconds = 40;
const fastGrowth = 128 * 1024;
/** After so long without anything new we are told again. */
const patienceMilliseconds = 120;
const untoldMilliseconds = 1_000;

interface Watching {
  /** Called now and then while the file changes. Returns whether to look again even if it doesn't. */
  onLook(changed: boolean): boolean;
  awaited(): boolean;
  told?: FSWatcher | undefined;
  timer?: Timer;
  /** It was said already that nobody tells us. */
  untold?: true;
}

interface FileState {
  inode: number;
  size: number;
}

export class ConmonFile {
  /** Beats when conmon may have written something. */
  readonly pulse = new Pulse();
  #watching: Watching | undefined;

  constructor(
    readonly path: string,
    private readonly reopen: () => Promise<void>,
  ) {}

  /** The path is watched from now on until `unwatch`. `awaited` says whether somebody waits for what comes. */
  watch(onLook: Watching['onLook'], awaited: () => boolean): void {
    if (this.#watching) return;
    this.#watching = { onLook, awaited };
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
    try {
      watching.told = watch(dirname(this.path), (_event, changed) => {
        if (changed === name) this.#lookNow();
      });
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') throw error;
      // The kernel allows no more watches: whoever is not told has to look.
      if (!watching.untold) log.warn('could not watch a log', { path: this.path, error: messageOf(error) });
      watching.untold = true;
      watching.timer = setTimeout(() => this.#look(undefined, 0), untoldMilliseconds);
      return;
    }
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
    this.#look(undefined, 0);
  }

  /** Looks again and again, as long as there is something new. */
  #look(before: FileState | undefined, nothingFor: number): void {
    const watching = this.#watching;
    if (!watching) return;
    const state = this.#state();
    const grown = state.inode === before?.inode ? state.size - before.size : Number.POSITIVE_INFINITY;
    const pause = grown > fastGrowth || watching.awaited() ? soonMilliseconds : laterMilliseconds;
    if (grown !== 0) this.pulse.beat();
    const again = watching.onLook(grown !== 0);
    if (this.#watching !== watching) return;
    if (again || grown !== 0 || nothingFor < patienceMilliseconds) {
      const next = grown === 0 ? nothingFor + pause : 0;
      watching.timer = setTimeout(() => this.#look(state, next), pause);
      return;
    }
    this.#listen();
    // What came before we listened.
    const now = this.#state();
    if (now.inode !== state.inode || now.size !== state.size) this.#lookNow();
  }

  #state(): FileState {
    const stats = statSync(this.path, { throwIfNoEntry: false });
    return { inode: stats?.ino ?? 0, size: stats?.size ?? 0 };
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
