// A Bun socket as a Duplex: back-pressure in both directions, half-close in both directions, one owner.
import type { Socket, SocketHandler } from 'bun';
import { Queue } from './queue.ts';
import type { ByteSource, Duplex } from './streams.ts';

const PAUSE_ABOVE = 1024 * 1024;

export class SocketDuplex implements Duplex {
  readonly closed: Promise<void>;
  /** Resolves when the peer half-closed or went away, even if nobody has read that far yet. */
  readonly inputEnded: Promise<void>;
  /** What broke the connection, if something did. */
  failure: Error | undefined;
  #socket: Socket<unknown> | undefined;
  readonly #incoming = new Queue<Uint8Array>(chunk => chunk.length);
  #outgoing: Uint8Array[] = [];
  #ending = false;
  #isClosed = false;
  #paused = false;
  #peerEnded = false;
  #drained: { promise: Promise<boolean>; resolve(ok: boolean): void } | undefined;
  #resolveClosed!: () => void;
  #resolveInputEnded!: () => void;

  constructor() {
    this.closed = new Promise(resolve => {
      this.#resolveClosed = resolve;
    });
    this.inputEnded = new Promise(resolve => {
      this.#resolveInputEnded = resolve;
    });
    this.#incoming.onDrain(() => {
      if (this.#paused && !this.#isClosed) {
        this.#paused = false;
        this.#socket?.resume();
      }
    });
  }

  get input(): ByteSource {
    return this.#incoming;
  }

  /** Everything read so far at once: for consumers that can batch. Empty at the end. */
  takeAll(): Promise<Uint8Array[]> {
    return this.#incoming.takeAll();
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  write(chunk: Uint8Array): boolean | Promise<boolean> {
    if (this.#isClosed || this.#ending) return false;
    if (chunk.length === 0) return true;
    if (this.#outgoing.length > 0) {
      // The kernel's buffer is full.
      this.#outgoing.push(chunk);
      return this.#whenDrained();
    }
    const written = this.#socket === undefined ? 0 : this.#socket.write(chunk);
    if (written < 0) return false;
    if (written === chunk.length) return true;
    this.#outgoing.push(chunk.subarray(written));
    return this.#whenDrained();
  }

  end(): void {
    if (this.#ending || this.#isClosed) return;
    this.#ending = true;
    if (this.#outgoing.length === 0) this.#shutdown();
  }

  destroy(): void {
    if (this.#isClosed) return;
    this.#socket?.terminate();
    this.onClose();
  }

  #shutdown(): void {
    // After the peer's FIN there is nothing left to wait for: close. Before it, only our direction ends.
    if (this.#peerEnded) this.#socket?.end();
    else this.#socket?.shutdown();
  }

  #whenDrained(): Promise<boolean> {
    if (!this.#drained) {
      let resolve!: (ok: boolean) => void;
      const promise = new Promise<boolean>(r => {
        resolve = r;
      });
      this.#drained = { promise, resolve };
    }
    return this.#drained.promise;
  }

  // What the socket's handlers call; not for users of the stream.

  onOpen(socket: Socket<unknown>): void {
    this.#socket = socket;
    if (this.#outgoing.length > 0) this.onDrain();
  }

  onData(data: Uint8Array): void {
    this.#incoming.push(data);
    if (!this.#paused && this.#incoming.size > PAUSE_ABOVE) {
      this.#paused = true;
      this.#socket?.pause();
    }
  }

  onDrain(): void {
    while (this.#outgoing.length > 0) {
      const chunk = this.#outgoing[0]!;
      const written = this.#socket?.write(chunk) ?? 0;
      if (written < 0) return;
      if (written < chunk.length) {
        this.#outgoing[0] = chunk.subarray(written);
        return;
      }
      this.#outgoing.shift();
    }
    this.#drained?.resolve(true);
    this.#drained = undefined;
    if (this.#ending) this.#shutdown();
  }

  onEnd(): void {
    this.#peerEnded = true;
    this.#incoming.end();
    this.#resolveInputEnded();
    if (this.#ending && this.#outgoing.length === 0) this.#socket?.end();
  }

  onClose(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#outgoing = [];
    this.#incoming.end();
    this.#drained?.resolve(false);
    this.#drained = undefined;
    this.#resolveInputEnded();
    this.#resolveClosed();
  }
}

/** Handlers for Bun.listen: each accepted socket gets a stream, which `accept` owns from then on. */
export function listenHandlers(accept: (stream: SocketDuplex) => void): SocketHandler<SocketDuplex> {
  return {
    open(socket) {
      const stream = new SocketDuplex();
      socket.data = stream;
      stream.onOpen(socket);
      accept(stream);
    },
    ...streamHandlers,
  };
}

const streamHandlers: Pick<SocketHandler<SocketDuplex>, 'data' | 'drain' | 'end' | 'close' | 'error'> = {
  // Each chunk comes in memory of its own.
  data: (socket, chunk) => socket.data.onData(chunk),
  drain: socket => socket.data.onDrain(),
  end: socket => socket.data.onEnd(),
  close: socket => socket.data.onClose(),
  error: (socket, error) => {
    socket.data.failure = error;
    socket.data.onClose();
  },
};

export type SocketAddress =
  | { unix: string }
  | { hostname: string; port: number; tls?: Bun.TLSOptions }
  | { fd: number };

/**
 * Connects, or takes over a connected descriptor. Rejects with the system's error if there is nobody there, and with TLS when
 * the other side is not who it should be.
 */
export async function connectSocket(address: SocketAddress): Promise<SocketDuplex> {
  const stream = new SocketDuplex();
  const tls = 'tls' in address ? address.tls : undefined;
  const secured = tls ? Promise.withResolvers<void>() : undefined;
  // Where the connection itself fails, nobody waits for the handshake.
  secured?.promise.catch(() => undefined);
  await Bun.connect<SocketDuplex>({
    ...(address as { unix: string }),
    allowHalfOpen: true,
    data: stream,
    socket: {
      open: socket => stream.onOpen(socket),
      ...streamHandlers,
      ...(secured && {
        handshake(_socket, authorized, error) {
          if (authorized || tls?.rejectUnauthorized === false) secured.resolve();
          else secured.reject(error ?? new Error('the TLS handshake failed'));
        },
        close(socket) {
          socket.data.onClose();
          secured.reject(socket.data.failure ?? new Error('the connection was closed during the TLS handshake'));
        },
      }),
      connectError: (_socket, error) => {
        throw error;
      },
    },
  });
  await secured?.promise;
  return stream;
}

/** Gives a connected descriptor (pipe, socketpair, SEQPACKET) to the event loop, which closes it in the end. */
export function watchDescriptor(fd: number, handlers: SocketHandler<undefined>): Promise<Socket<undefined>> {
  // Bun takes { fd } here, its types do not know it yet.
  const options: unknown = { fd, allowHalfOpen: true, socket: handlers };
  return Bun.connect(options as Bun.UnixSocketOptions<undefined>);
}
