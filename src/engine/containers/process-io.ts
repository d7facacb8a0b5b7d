// The stdio of one watched process, shared by any number of attached clients. Output goes to all of them at the pace of the
// slowest; input comes from any of them. Clients may attach before the process exists: they then see its first byte.

import { DetachKeys } from '../../lib/detach-keys.ts';
import { AttachSocket } from '../../runtime/attach-socket.ts';
import type { OutputChunk } from '../output.ts';
import type { Attachment } from './containers.ts';
import { OutputQueue } from './output-queue.ts';

const PAUSE_ABOVE = 1024 * 1024;

export interface ClientOptions {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  detachKeys: Uint8Array;
  onDetach(): void;
}

export interface ProcessIoOptions {
  tty: boolean;
  /** End of the input of the client that has it is end of file for the process. */
  closeInputWithClient: boolean;
}

export class ProcessIo {
  #socket: AttachSocket | undefined;
  #connecting: Promise<void> | undefined;
  readonly #clients = new Set<Client>();
  #paused = false;
  #finished = false;

  constructor(readonly options: ProcessIoOptions) {}

  /** Whether somebody waits for the process, or has left it input that it is to get. */
  get isAwaited(): boolean {
    return this.#clients.size > 0 || this.#connectWaiters.length > 0;
  }

  /** Takes conmon's socket. Called between creation and start when somebody waits, and on the first attach otherwise. */
  connect(directory: string): Promise<void> {
    this.#connecting ??= this.#connect(directory).catch(error => {
      this.#connecting = undefined;
      throw error;
    });
    return this.#connecting;
  }

  async #connect(directory: string): Promise<void> {
    this.#socket = await AttachSocket.connect(directory, {
      onOutput: (stream, data) => this.#deliver(stream, data),
      onClose: () => this.finish(),
    });
  }

  #deliver(stream: 1 | 2, data: Uint8Array): void {
    let full = false;
    for (const client of this.#clients) full = client.deliver(stream, data) > PAUSE_ABOVE || full;
    if (full && !this.#paused) {
      this.#paused = true;
      this.#socket?.pause();
    }
  }

  /** Called whenever a client caught up or left. */
  settle(): void {
    if (!this.#paused) return;
    for (const client of this.#clients) if (client.waiting > PAUSE_ABOVE / 2) return;
    this.#paused = false;
    this.#socket?.resume();
  }

  attach(options: ClientOptions): Attachment {
    const client = new Client(this, options);
    if (this.#finished) client.finish();
    else this.#clients.add(client);
    return client;
  }

  /** Waits for the connection if there is to be one: bytes sent before the start are not lost. */
  async write(data: Uint8Array): Promise<boolean> {
    if (!this.#socket) await this.#whenConnected();
    return (await this.#socket?.write(data)) ?? false;
  }

  #connectWaiters: (() => void)[] = [];

  async #whenConnected(): Promise<void> {
    if (this.#finished) return;
    if (!this.#connecting) await new Promise<void>(resolve => this.#connectWaiters.push(resolve));
    await this.#connecting;
  }

  /** Tells early writers that the connection exists (or never will). */
  announce(): void {
    for (const resolve of this.#connectWaiters.splice(0)) resolve();
  }

  /** The first client with stdin decides when the input is over (docker run -i); before the start, behind what was sent until then. */
  endInput(): void {
    if (!this.options.closeInputWithClient) return;
    if (this.#socket) this.#socket.endInput();
    else void this.#whenConnected().then(() => this.#socket?.endInput());
  }

  leave(client: Client, hadInput: boolean): void {
    this.#clients.delete(client);
    if (hadInput) this.endInput();
    this.settle();
    this.#disconnectIfIdle();
  }

  /** With nobody left to show it to, output need not come here; unless leaving would be end of file for the process. */
  #disconnectIfIdle(): void {
    if (this.#clients.size > 0 || this.options.closeInputWithClient || !this.#socket) return;
    this.#socket.close();
    this.#socket = undefined;
    this.#connecting = undefined;
    this.#paused = false;
  }

  /** The process has ended, and conmon has passed on everything it wrote. */
  complete(): void {
    this.#socket?.complete();
  }

  /** The process has ended and everything it wrote was delivered. */
  finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.announce();
    for (const client of this.#clients) client.finish();
    this.#clients.clear();
  }

  /** Drops the connection, for a process that never came to be. */
  abort(): void {
    this.#socket?.close();
    this.finish();
  }
}

class Client implements Attachment {
  readonly #queue: OutputQueue;
  readonly #detach: DetachKeys | undefined;
  #closed = false;
  #inputOpen: boolean;

  constructor(
    private readonly io: ProcessIo,
    private readonly options: ClientOptions,
  ) {
    this.#inputOpen = options.stdin;
    // Without a terminal the bytes are data: no sequence in them means anything.
    this.#detach = io.options.tty && options.detachKeys.length > 0 ? new DetachKeys(options.detachKeys) : undefined;
    this.#queue = new OutputQueue(() => io.settle());
  }

  get tty(): boolean {
    return this.io.options.tty;
  }

  get left(): boolean {
    return this.#closed;
  }

  get waiting(): number {
    return this.#queue.size;
  }

  deliver(stream: 1 | 2, data: Uint8Array): number {
    if (stream === 1 ? this.options.stdout : this.options.stderr) this.#queue.push(stream, data);
    return this.#queue.size;
  }

  get output(): AsyncIterable<OutputChunk[]> {
    return this.#batches();
  }

  async *#batches(): AsyncGenerator<OutputChunk[]> {
    for (;;) {
      const batch = await this.#queue.takeAll();
      if (batch.length === 0) return;
      yield batch;
    }
  }

  async write(chunk: Uint8Array): Promise<boolean> {
    if (!this.#inputOpen || this.#closed) return false;
    if (!this.#detach) return this.io.write(chunk);
    const { pass, detached } = this.#detach.feed(chunk);
    if (pass.length > 0 && !(await this.io.write(pass))) return false;
    if (detached) {
      // Detaching leaves the process its stdin.
      this.#inputOpen = false;
      this.options.onDetach();
      this.close();
      return false;
    }
    return true;
  }

  endInput(): void {
    if (!this.#inputOpen) return;
    this.#inputOpen = false;
    this.io.endInput();
  }

  finish(): void {
    this.#queue.end();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue.end();
    this.io.leave(this, this.#inputOpen);
    this.#inputOpen = false;
  }
}
