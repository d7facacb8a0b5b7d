// The server's side of a WebSocket (RFC 6455), as a plain duplex: payload bytes in, one frame per write out.
import { createHash } from 'node:crypto';
import { DockyardError, invalid } from '../../lib/errors.ts';
import type { ByteSource, Duplex } from '../../lib/streams.ts';
import type { HttpRequest, Reply } from './message.ts';

const KEY_SUFFIX = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
/** What one frame of a client may hold: it is kept in memory until it is whole. */
const MAX_FRAME = 16 * 1024 * 1024;

const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

const NORMAL_CLOSURE = 1000;
const PROTOCOL_ERROR = 1002;

export interface WebSocketOptions {
  binary: boolean;
}

/** Checks the handshake; what it returns makes the reply once the request itself is found good. */
export function acceptWebSocket(
  { headers }: Pick<HttpRequest, 'headers'>,
  options: WebSocketOptions,
): (run: (connection: Duplex) => Promise<void>) => Reply {
  const key = headers.get('sec-websocket-key');
  if (headers.get('upgrade')?.toLowerCase() !== 'websocket' || key === undefined) {
    throw invalid('this endpoint speaks WebSocket: the request must ask for that upgrade');
  }
  if (headers.get('sec-websocket-version') !== '13')
    throw invalid('only version 13 of the WebSocket protocol is known');
  const accept = createHash('sha1')
    .update(key + KEY_SUFFIX)
    .digest('base64');
  const protocol = headers.get('sec-websocket-protocol')?.split(',')[0]?.trim();
  return run => ({
    status: 101,
    headers: {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Accept': accept,
      ...(protocol ? { 'Sec-WebSocket-Protocol': protocol } : {}),
    },
    body: {
      kind: 'hijack',
      run: async connection => {
        const socket = new WebSocketDuplex(connection, options);
        try {
          await run(socket);
        } finally {
          socket.end();
        }
      },
    },
  });
}

class WebSocketDuplex implements Duplex {
  readonly input: ByteSource;
  readonly closed: Promise<void>;
  #closeSent = false;

  constructor(
    private readonly connection: Duplex,
    private readonly options: WebSocketOptions,
  ) {
    this.closed = connection.closed;
    this.input = this.#payloads();
  }

  write(chunk: Uint8Array): boolean | Promise<boolean> {
    if (this.#closeSent) return false;
    return this.connection.write(encodeFrame(this.options.binary ? BINARY : TEXT, chunk));
  }

  end(): void {
    this.#sendClose(NORMAL_CLOSURE);
    this.connection.end();
  }

  destroy(): void {
    this.connection.destroy();
  }

  async *#payloads(): ByteSource {
    const reader = new FrameReader();
    try {
      for await (const chunk of this.connection.input) {
        for (const { opcode, payload } of reader.feed(chunk)) {
          if (opcode === CLOSE) return this.#sendClose(NORMAL_CLOSURE);
          if (opcode === PING) this.connection.write(encodeFrame(PONG, payload));
          else if (opcode !== PONG && payload.length > 0) yield payload;
        }
      }
    } catch (error) {
      if (!(error instanceof DockyardError)) throw error;
      this.#sendClose(PROTOCOL_ERROR);
    }
  }

  #sendClose(code: number): void {
    if (this.#closeSent) return;
    this.#closeSent = true;
    this.connection.write(encodeFrame(CLOSE, Buffer.from([code >> 8, code & 0xff])));
  }
}

export interface Frame {
  opcode: number;
  payload: Uint8Array;
}

/** Cuts a client's bytes into frames. Pieces of a fragmented message come as they are: only the bytes matter here. */
export class FrameReader {
  #buffered: Buffer = Buffer.alloc(0);

  feed(chunk: Uint8Array): Frame[] {
    this.#buffered = this.#buffered.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#buffered, chunk]);
    const frames: Frame[] = [];
    for (;;) {
      const frame = this.#take();
      if (!frame) return frames;
      frames.push(frame);
    }
  }

  #take(): Frame | undefined {
    const bytes = this.#buffered;
    if (bytes.length < 2) return undefined;
    const opcode = bytes[0]! & 0x0f;
    if ((bytes[0]! & 0x70) !== 0 || ![0, TEXT, BINARY, CLOSE, PING, PONG].includes(opcode)) {
      throw invalid('malformed WebSocket frame');
    }
    if ((bytes[1]! & 0x80) === 0) throw invalid('a WebSocket client must mask its frames');
    const size = frameSize(bytes);
    if (!size) return undefined;
    if (size.payload > MAX_FRAME) throw invalid(`a WebSocket frame is larger than ${MAX_FRAME} bytes`);
    const start = size.header + 4;
    if (bytes.length < start + size.payload) return undefined;
    const mask = bytes.subarray(size.header, start);
    const payload = Buffer.from(bytes.subarray(start, start + size.payload));
    for (let i = 0; i < payload.length; i++) payload[i]! ^= mask[i & 3]!;
    this.#buffered = bytes.subarray(start + size.payload);
    return { opcode, payload };
  }
}

function frameSize(bytes: Buffer): { header: number; payload: number } | undefined {
  const short = bytes[1]! & 0x7f;
  if (short < 126) return { header: 2, payload: short };
  if (short === 126) return bytes.length < 4 ? undefined : { header: 4, payload: bytes.readUInt16BE(2) };
  return bytes.length < 10 ? undefined : { header: 10, payload: Number(bytes.readBigUInt64BE(2)) };
}

/** A whole, unmasked message. */
export function encodeFrame(opcode: number, payload: Uint8Array): Uint8Array {
  const { length } = payload;
  const header = length < 126 ? 2 : length < 0x1_0000 ? 4 : 10;
  const bytes = Buffer.allocUnsafe(header + length);
  bytes[0] = 0x80 | opcode;
  bytes[1] = header === 2 ? length : header === 4 ? 126 : 127;
  if (header === 4) bytes.writeUInt16BE(length, 2);
  if (header === 10) bytes.writeBigUInt64BE(BigInt(length), 2);
  bytes.set(payload, header);
  return bytes;
}
