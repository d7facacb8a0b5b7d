// The live end of a watched process: conmon's attach socket. One connection per process, shared by all attached clients.
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { connectSeqpacket } from '../kernel/process.ts';
import { errnoOf } from '../lib/errors.ts';
import { watchDescriptor } from '../lib/socket.ts';
import { attachSocketName } from './conmon.ts';

export interface AttachHandlers {
  /** stream: 1 is stdout, 2 is stderr. */
  onOutput(stream: 1 | 2, data: Uint8Array): void;
  onClose(): void;
}

/** conmon reads at most this much of one message and would drop the rest. */
const MAX_MESSAGE = 32 * 1024;

export class AttachSocket {
  #socket: Bun.Socket<undefined> | undefined;
  #closed = false;
  #inputEnded = false;
  #drained: (() => void) | undefined;
  #writing: Promise<unknown> = Promise.resolve();

  private constructor() {}

  static async connect(directory: string, handlers: AttachHandlers): Promise<AttachSocket> {
    const self = new AttachSocket();
    const close = () => {
      if (self.#closed) return;
      self.#closed = true;
      self.#drained?.();
      handlers.onClose();
    };
    const fd = connectSeqpacket(directory, attachSocketName);
    self.#socket = await watchDescriptor(fd, {
      // One message each: conmon's number for the stream (2 is stdout, 3 is stderr), then up to 8 KiB.
      data: (_socket, message) => handlers.onOutput(message[0] === 3 ? 2 : 1, message.subarray(1)),
      drain: () => self.#drained?.(),
      end: socket => {
        socket.end();
        close();
      },
      close,
      error: close,
    });
    return self;
  }

  pause(): void {
    if (!this.#closed) this.#socket?.pause();
  }

  resume(): void {
    if (!this.#closed) this.#socket?.resume();
  }

  /** Resolves when conmon has taken it all; false when there is nobody to take it any more. */
  write(data: Uint8Array): Promise<boolean> {
    const result = this.#writing.then(() => this.#writeNow(data));
    this.#writing = result;
    return result;
  }

  async #writeNow(data: Uint8Array): Promise<boolean> {
    for (let at = 0; at < data.length; at += MAX_MESSAGE) {
      const message = data.subarray(at, at + MAX_MESSAGE);
      for (;;) {
        if (this.#closed || this.#inputEnded || !this.#socket) return false;
        const written = this.#socket.write(message);
        if (written === message.length) break;
        if (written < 0) return false;
        await new Promise<void>(resolve => {
          this.#drained = resolve;
        });
        this.#drained = undefined;
      }
    }
    return true;
  }

  /** The process sees end of file on its stdin, unless conmon was told to keep it open. */
  endInput(): void {
    void this.#writing.then(() => {
      if (this.#closed || this.#inputEnded) return;
      this.#inputEnded = true;
      this.#socket?.shutdown();
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#drained?.();
    this.#socket?.end();
  }
}

function control(directory: string, line: string): void {
  let fd: number;
  try {
    fd = openSync(`${directory}/ctl`, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch (error) {
    // No reader or no fifo: conmon is gone, and with it whatever was to be told.
    if (errnoOf(error) === 'ENXIO' || errnoOf(error) === 'ENOENT') return;
    throw error;
  }
  try {
    writeSync(fd, line);
  } finally {
    closeSync(fd);
  }
}

/** Sets the size of the process's terminal. */
export function resizeTerminal(directory: string, height: number, width: number): void {
  control(directory, `1 ${height} ${width}\n`);
}

/** conmon closes its log file and opens the same path anew. */
export function reopenLog(directory: string): void {
  control(directory, '2 0 0\n');
}
