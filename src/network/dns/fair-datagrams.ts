// A socket whose senders can't keep the event loop to themselves. Bun reads one until nothing is left, and a flood has no end:
// after its share of a turn it is let go of, and taken up again when everybody else has had theirs. The kernel keeps what comes
// meanwhile, as far as there is room.
import { closeSync } from 'node:fs';
import type { udp } from 'bun';
import { duplicate } from '../../kernel/seqpacket.ts';
import { messageOf } from '../../lib/errors.ts';
import { log } from '../../lib/logger.ts';

/** More than all that ask at once without bad intent; a few of those that come with the last one of it are lost. */
export const SHARE = 1024;

type Received = (data: Buffer, port: number, address: string) => void;

export class FairDatagrams implements Disposable {
  #state: 'open' | 'paused' | 'closed' = 'open';
  #socket: udp.Socket<'buffer'> | undefined;
  #taken = 0;

  /** Owns the descriptor. What is given to `received` is not its to keep. */
  constructor(
    private descriptor: number,
    private readonly received: Received,
  ) {
    this.#open();
  }

  /** Lost, as datagrams may be, while nobody is listened to. */
  send(data: Buffer, port: number, address: string): void {
    this.#socket?.send(data, port, address);
  }

  #open(): void {
    const options = {
      fd: this.descriptor,
      socket: {
        data: (socket, data, port, address) => {
          this.#socket = socket;
          this.#take(data, port, address);
        },
      },
    } satisfies udp.SocketOptions<'buffer'> & { fd: number };
    Bun.udpSocket(options).then(
      socket => {
        if (this.#state === 'closed') socket.close();
        else if (this.#state === 'open') this.#socket = socket;
      },
      error => log.warn('a name server had no socket', { error: messageOf(error) }),
    );
  }

  #take(data: Buffer, port: number, address: string): void {
    if (this.#taken === 0) setImmediate(() => this.#nextTurn());
    this.#taken++;
    this.received(data, port, address);
    if (this.#taken >= SHARE) this.#pause();
  }

  #pause(): void {
    if (this.#state !== 'open') return;
    try {
      this.descriptor = duplicate(this.descriptor);
    } catch (error) {
      log.debug('a flood of datagrams could not be stopped', { error: messageOf(error) });
      return;
    }
    this.#state = 'paused';
    this.#socket?.close();
    this.#socket = undefined;
  }

  #nextTurn(): void {
    this.#taken = 0;
    if (this.#state !== 'paused') return;
    this.#state = 'open';
    this.#open();
  }

  [Symbol.dispose](): void {
    const before = this.#state;
    this.#state = 'closed';
    if (before === 'paused') closeSync(this.descriptor);
    this.#socket?.close();
    this.#socket = undefined;
  }
}
