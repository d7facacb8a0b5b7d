// What is known of a container beyond its record: who waits, who is attached, what runs beside it. Gone with the daemon and
// made anew after a restart.
import type { ProcessHandle } from '../../kernel/process.ts';
import { Mutex } from '../../lib/mutex.ts';
import type { ContainerLog } from '../logs/log-driver.ts';
import type { WaitCondition, WaitResult } from './containers.ts';
import type { Exec } from './exec.ts';
import type { ConmonAhead } from './exec-conmon.ts';
import { ProcessIo } from './process-io.ts';
import type { ContainerRecord } from './record.ts';

interface Waiter {
  condition: WaitCondition;
  resolve(result: WaitResult): void;
}

export class LiveContainer {
  /** Held by whoever changes the phase. Waiting for an exit happens outside of it. */
  readonly transition = new Mutex();
  /** conmon's directory while a process is watched. */
  watched: string | undefined;
  /** A clean-up did not come to its end: something of a process may be left. */
  unclean = false;
  process: ProcessHandle | undefined;
  unwatchConmon: (() => void) | undefined;
  log: ContainerLog;
  /** Pending restart by the policy. */
  restartTimer: Timer | undefined;
  restartDelay = 0;
  /** The next exit is meant: the restart policy stays out of it. */
  stopRequested = false;
  /** A `restart` is under way: this exit does not remove the container. */
  keepOnExit = false;
  /** How many look at the mounted root file system besides the container itself. */
  rootUsers = 0;
  stopHealthMonitor: (() => void) | undefined;
  readonly execs = new Map<string, Exec>();
  /** Gets ready for an exec that is not started yet. */
  conmonAhead: ConmonAhead | undefined;
  /** When the last exec was created, on the clock of `performance`. */
  execCreatedAt: number | undefined;
  #io: ProcessIo | undefined;
  #ioFinished = false;
  #waiters: Waiter[] = [];

  constructor(
    readonly record: ContainerRecord,
    log: ContainerLog,
  ) {
    this.log = log;
  }

  /** The stdio of the process that runs, or of the next one. */
  get io(): ProcessIo {
    if (!this.#io || this.#ioFinished) {
      const { config } = this.record;
      this.#ioFinished = false;
      this.#io = new ProcessIo({
        tty: config.Tty === true,
        // A terminal's input goes on for whoever attaches next, as in Docker.
        closeInputWithClient: config.OpenStdin === true && config.StdinOnce === true && config.Tty !== true,
      });
    }
    return this.#io;
  }

  /** The next process gets a new one. */
  retireIo(): void {
    this.#ioFinished = true;
  }

  waitFor(condition: WaitCondition, signal: AbortSignal): Promise<WaitResult> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const waiter: Waiter = { condition, resolve };
      this.#waiters.push(waiter);
      signal.addEventListener(
        'abort',
        () => {
          this.#waiters = this.#waiters.filter(other => other !== waiter);
          reject(signal.reason);
        },
        { once: true },
      );
    });
  }

  notify(conditions: readonly WaitCondition[], result: WaitResult): void {
    const due = this.#waiters.filter(waiter => conditions.includes(waiter.condition));
    if (due.length === 0) return;
    this.#waiters = this.#waiters.filter(waiter => !conditions.includes(waiter.condition));
    for (const waiter of due) waiter.resolve(result);
  }

  /** Whoever changes the phase right now has finished. */
  async settled(): Promise<void> {
    using _ = await this.transition.lock();
  }

  cancelRestart(): void {
    clearTimeout(this.restartTimer);
    this.restartTimer = undefined;
  }
}
