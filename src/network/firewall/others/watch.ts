// Calls back when the kernel has told of a change: a moment after, because others make their changes in several steps.
import type { Socket } from 'bun';
import { readinessOf } from '../../../kernel/sockets.ts';
import { messageOf } from '../../../lib/errors.ts';
import { log } from '../../../lib/logger.ts';
import { watchDescriptor } from '../../../lib/socket.ts';
import { untilItWorks } from '../../../lib/until-it-works.ts';

const SETTLE_MS = 100;

export interface Changes extends Disposable {
  /** Readable when something has changed. */
  readonly descriptor: number;
  /** Takes what there is to read; false if nobody needs to know of it. */
  drain(): boolean;
}

/** Owns the changes that it watches. */
export class Watch implements Disposable {
  #watcher: Socket<undefined> | undefined;
  #timer: Timer | undefined;
  #ended = false;

  constructor(
    private readonly changes: Changes,
    private readonly changed: () => void,
  ) {
    this.#next();
  }

  #next(): void {
    const handlers = {
      data: () => undefined,
      error: () => undefined,
      close: () => {
        if (!this.#ended) this.#timer = setTimeout(() => this.#tell(), SETTLE_MS);
      },
    };
    void untilItWorks(
      async () => {
        if (this.#ended) return;
        const watcher = await watchDescriptor(readinessOf(this.changes.descriptor), handlers);
        if (this.#ended) watcher.terminate();
        else this.#watcher = watcher;
      },
      error => log.warn('could not watch what others change on the host', { error: messageOf(error) }),
    );
  }

  #tell(): void {
    try {
      if (this.changes.drain()) this.changed();
    } catch (error) {
      // It changed again while we looked; that will be told too.
      log.debug('could not follow what others change on the host', { error: messageOf(error) });
    }
    if (!this.#ended) this.#next();
  }

  [Symbol.dispose](): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#watcher?.terminate();
    this.changes[Symbol.dispose]();
  }
}
