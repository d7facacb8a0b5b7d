// The interface of a container that ended goes with its namespace, unless somebody else is still in there: a container that
// joined it, a process that got away. Then it is deleted here, a while later.
import { message } from '../kernel/rtnetlink/message.ts';
import { RouteSocket } from '../kernel/rtnetlink/socket.ts';
import { messageOf } from '../lib/errors.ts';
import { log } from '../lib/logger.ts';
import { findLink, isGone } from './drivers/host-kernel.ts';

const PATIENCE_MS = 2000;

export class LinkSweeper implements Disposable {
  readonly #names = new Set<string>();
  #timer: Timer | undefined;

  add(name: string): void {
    this.#names.add(name);
    this.#timer ??= setTimeout(() => void this.#sweep(), PATIENCE_MS);
    this.#timer.unref();
  }

  async #sweep(): Promise<void> {
    const names = [...this.#names];
    this.#names.clear();
    this.#timer = undefined;
    for (const name of names) {
      try {
        if (findLink(name)) await new RouteSocket().sendLast(message.deleteLink(name));
      } catch (error) {
        if (!isGone(error)) log.warn('could not delete an interface', { interface: name, error: messageOf(error) });
      }
    }
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#names.clear();
  }
}
