// What survives a power cut. Writing content does not wait for the disk: a mark says that some of it may not be there yet,
// and goes when a sync in the background is done. A mark of an earlier boot means the machine went down in between: content
// of that time has to prove itself before it is used (see recovery.ts). kill -9 is no such case: the kernel keeps the data.
import { readFileSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { errnoOf, messageOf } from '../lib/errors.ts';
import { log } from '../lib/logger.ts';
import { helperCommand } from '../lib/self.ts';

const QUIET_BEFORE_SYNC = 2000;
/** The file system's clock is coarser than ours. */
const CLOCK_SLACK = 60_000;

interface Mark {
  boot: string;
  /** Milliseconds since 1970 when the oldest change that may be missing was made. */
  since: number;
}

export class Durability {
  readonly #path: string;
  #marked: boolean;
  #changes = 0;
  #closed = false;
  #marking: Promise<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `directory` is on the file system that everything is on. */
  constructor(private readonly directory: string) {
    this.#path = `${directory}/unsynced`;
    this.#marked = this.#read()?.boot === bootId();
    if (this.#marked) this.#schedule();
  }

  /** When the content began that the last boot may have lost; undefined if nothing can be missing. */
  suspectSince(): number | undefined {
    const mark = this.#read();
    return mark && mark.boot !== bootId() ? mark.since : undefined;
  }

  /** The suspects have been checked. */
  cleared(): void {
    rmSync(this.#path, { force: true });
    this.#marked = false;
    this.#marking = undefined;
  }

  /** To be awaited before content gets its final name. */
  async beforeChange(): Promise<void> {
    this.#changes++;
    this.#marking ??= this.#marked ? Promise.resolve() : this.#mark();
    await this.#marking;
    this.#schedule();
  }

  async #mark(): Promise<void> {
    const mark: Mark = { boot: bootId(), since: Date.now() - CLOCK_SLACK };
    const file = await open(this.#path, 'w', 0o600);
    try {
      await file.writeFile(JSON.stringify(mark));
      await file.sync();
    } finally {
      await file.close();
    }
    this.#marked = true;
  }

  /** Syncs no more: a mark that is there stays for the next one. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#sync().catch(error => log.warn('could not sync the data root', { error: messageOf(error) }));
    }, QUIET_BEFORE_SYNC);
    // The mark stays if the daemon ends first: the next one syncs.
    this.#timer.unref();
  }

  async #sync(): Promise<void> {
    const before = this.#changes;
    const helper = Bun.spawn(helperCommand('sync-file-system', [this.directory]), {
      stdin: 'ignore',
      stdout: 'ignore',
      stderr: 'pipe',
      env: {},
    });
    const complaint = await helper.stderr.text();
    if ((await helper.exited) !== 0) throw new Error(complaint.trim());
    if (this.#changes === before) this.cleared();
    else this.#schedule();
  }

  #read(): Mark | undefined {
    try {
      return JSON.parse(readFileSync(this.#path, 'utf8')) as Mark;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      // Torn: all may be missing that was ever written.
      if (error instanceof SyntaxError) return { boot: '', since: 0 };
      throw error;
    }
  }
}

let boot: string | undefined;

function bootId(): string {
  boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return boot;
}
