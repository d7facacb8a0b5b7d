// conmon leaves a file with the exit code for each container that ends. The file is the truth: it stays until its news is stored.
import { type FSWatcher, mkdirSync, readdirSync, readFileSync, statSync, unlinkSync, watch } from 'node:fs';
import { errnoOf, messageOf } from '../lib/errors.ts';
import { log } from '../lib/logger.ts';

export interface Exit {
  code: number;
  time: Date;
}

export class ExitWatcher {
  #watcher: FSWatcher | undefined;

  constructor(
    readonly directory: string,
    private readonly onExit: (id: string) => void,
  ) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }

  start(): void {
    try {
      // conmon writes a temporary file and renames it; only the final name is one that we know.
      this.#watcher = watch(this.directory, (_event, file) => {
        if (file && /^[0-9a-f]{64}$/.test(file)) this.onExit(file);
      });
    } catch (error) {
      // The kernel gives a user so many watches and no more. The end of each conmon, which is watched as well, says the same a
      // moment later.
      log.warn('ends of containers are noticed by those of their conmons', { error: messageOf(error) });
    }
  }

  /** The news that waits for this id, if it has ended. */
  peek(id: string): Exit | undefined {
    const file = `${this.directory}/${id}`;
    try {
      return { code: exitCodeIn(readFileSync(file, 'utf8')), time: statSync(file).mtime };
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** The news is stored. */
  forget(id: string): void {
    try {
      unlinkSync(`${this.directory}/${id}`);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
  }

  waiting(): string[] {
    return readdirSync(this.directory).filter(name => /^[0-9a-f]{64}$/.test(name));
  }

  close(): void {
    this.#watcher?.close();
  }
}

/** A file that a crash of the machine left empty tells of an end all the same, with a code that nobody knows. */
function exitCodeIn(text: string): number {
  return /^-?\d+$/.test(text.trim()) ? Number(text) : 255;
}
