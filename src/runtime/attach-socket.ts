// The live end of a watched process: conmon's attach socket. One connection per process, shared by all attached clients.
import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs';
import { KernelError } from '../kernel/libc.ts';
import { connectSeqpacket, duplicate, enlargeSendBuffers, receiveTagged } from '../kernel/seqpacket.ts';
import { errnoOf, messageOf } from '../lib/errors.ts';
import { log } from '../lib/logger.ts';
import { watchDescriptor } from '../lib/socket.ts';
import { attachSocketName } from './conmon.ts';

export interface AttachHandlers {
  /** stream: 1 is stdout, 2 is stderr. The data is valid until it returns. */
  onOutput(stream: 1 | 2, data: Uint8Array): void;
  onClose(): void;
}

/** conmon reads at most this much of one message and would drop the rest. */
const MAX_MESSAGE = 32 * 1024;
/** conmon's number for stderr; stdout is 2. */
const STDERR = 3;

/**
 * How long a process that talks without a pause is left alone after each look at what it said: many messages are taken at once
 * then, and conmon need not wake us for each.
 */
const REST_MS = 1;
/** What conmon can send meanwhile without having to wait: more than it can make. */
const ROOM = 1024 * 1024;

export class AttachSocket {
  /** Tells when there is something, and writes. It closes when conmon does, whether or not everything was received. */
  #socket: Bun.Socket<undefined> | undefined;
  #resting = false;
  #timer: Timer | undefined;
  #receivedAt = 0;
  #paced: boolean | undefined;
  #paused = false;
  #closed = false;
  #complete = false;
  #inputEnded = false;
  #drained: (() => void) | undefined;
  #writing: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly directory: string,
    /** Of the same connection, for receiving: what conmon left behind can still be read from it. */
    private readonly receiving: number,
    private readonly handlers: AttachHandlers,
  ) {}

  static async connect(directory: string, handlers: AttachHandlers): Promise<AttachSocket> {
    const fd = connectSeqpacket(directory, attachSocketName);
    const self = new AttachSocket(directory, duplicate(fd), handlers);
    const socket = await watchDescriptor(fd, {
      // The first message comes this way, those behind it are fetched.
      data: (_socket, message) => {
        self.#deliver(message[0]!, message.subarray(1));
        self.#receive(true);
      },
      drain: () => self.#drained?.(),
      end: () => self.#receive(false),
      close: () => self.#lost(),
      error: () => self.#lost(),
    }).catch(error => {
      self.close();
      throw error;
    });
    // What came while we waited may have been all, or enough.
    if (self.#closed) socket.terminate();
    else if (self.#resting) socket.pause();
    self.#socket = socket;
    return self;
  }

  #deliver(tag: number, data: Uint8Array): void {
    this.handlers.onOutput(tag === STDERR ? 2 : 1, data);
  }

  #lost(): void {
    this.#socket = undefined;
    this.#drained?.();
    this.#receive(false);
  }

  /** Takes what has come. `some`: there was something already. */
  #receive(some: boolean): void {
    clearTimeout(this.#timer);
    let left: ReturnType<typeof receiveTagged> = 'some';
    while (left === 'some') {
      // Whoever pauses us wants no more now, and whoever resumes us comes here again.
      if (this.#closed || this.#paused) return;
      left = this.#fetch((tag, data) => {
        some = true;
        this.#deliver(tag, data);
      });
    }
    if (left === 'ended' || (left === 'all' && this.#complete)) this.#finish();
    else if (!this.#closed && !this.#paused) this.#wait(some);
  }

  #fetch(deliver: (tag: number, data: Buffer) => void): ReturnType<typeof receiveTagged> {
    try {
      return receiveTagged(this.receiving, deliver);
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      log.warn('the connection to conmon is broken', { directory: this.directory, error: messageOf(error) });
      return 'ended';
    }
  }

  /** For the next message; or, where one follows the other, for a while. */
  #wait(some: boolean): void {
    const now = performance.now();
    const busy = some && now - this.#receivedAt < 2 * REST_MS;
    this.#receivedAt = now;
    if (busy && this.#canRest()) {
      this.#rest();
      this.#timer = setTimeout(() => this.#receive(false), REST_MS);
    } else if (this.#resting) {
      this.#resting = false;
      this.#socket?.resume();
    }
  }

  #rest(): void {
    if (this.#resting) return;
    this.#resting = true;
    this.#socket?.pause();
  }

  #canRest(): boolean {
    this.#paced ??= this.#enlargeSendBuffer();
    return this.#paced;
  }

  #enlargeSendBuffer(): boolean {
    try {
      const pid = Number(readFileSync(`${this.directory}/conmon.pid`, 'utf8'));
      return enlargeSendBuffers(pid, ROOM);
    } catch (error) {
      // conmon is gone, and its files with it.
      if (errnoOf(error) === 'ENOENT') return false;
      throw error;
    }
  }

  #finish(): void {
    if (this.#closed) return;
    this.close();
    this.handlers.onClose();
  }

  /** conmon has sent all that there will be: what is here is the rest, and nobody need wait until conmon is gone, too. */
  complete(): void {
    this.#complete = true;
    this.#receive(false);
  }

  pause(): void {
    if (this.#closed) return;
    this.#paused = true;
    clearTimeout(this.#timer);
    this.#rest();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#receive(false);
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
    clearTimeout(this.#timer);
    closeSync(this.receiving);
    this.#drained?.();
    // At once: a connection that is still there and not read would hold up the process.
    this.#socket?.terminate();
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
