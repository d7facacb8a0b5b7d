// HTTP/1.1 on the wire, as both our server and our client need it: message heads and body framing, fed with bytes as they come.
// Written for hijacking: what follows the head (or the body) is handed back untouched.
import { invalid } from '../errors.ts';
import type { Duplex } from '../streams.ts';

export type Headers = Map<string, string>;

export interface RequestHead {
  method: string;
  target: string;
  version: string;
  headers: Headers;
}

export interface ResponseHead {
  status: number;
  reason: string;
  headers: Headers;
}

const MAX_HEAD = 128 * 1024;

/** Collects bytes until the blank line that ends a head. */
export class HeadReader {
  #buffered: Buffer = Buffer.alloc(0);

  /** The head's text and the bytes after it, or undefined while it is incomplete. */
  feed(chunk: Uint8Array): { text: string; rest: Uint8Array } | undefined {
    this.#buffered = this.#buffered.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#buffered, chunk]);
    const end = this.#buffered.indexOf('\r\n\r\n');
    if (end < 0) {
      if (this.#buffered.length > MAX_HEAD) throw invalid('request header is larger than 128 KiB');
      return undefined;
    }
    const text = this.#buffered.toString('latin1', 0, end);
    const rest = this.#buffered.subarray(end + 4);
    this.#buffered = Buffer.alloc(0);
    return { text, rest };
  }

  get empty(): boolean {
    return this.#buffered.length === 0;
  }
}

function parseHeaders(lines: string[]): Headers {
  const headers: Headers = new Map();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon <= 0) throw invalid('malformed HTTP header');
    const name = line.slice(0, colon).toLowerCase();
    if (/[\s]/.test(name)) throw invalid('malformed HTTP header name');
    const value = line.slice(colon + 1).trim();
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return headers;
}

export function parseRequestHead(text: string): RequestHead {
  const [first = '', ...rest] = text.split('\r\n');
  const match = /^([A-Z]+) (\S+) (HTTP\/1\.[01])$/.exec(first);
  if (!match) throw invalid('malformed HTTP request line');
  return { method: match[1]!, target: match[2]!, version: match[3]!, headers: parseHeaders(rest) };
}

export function parseResponseHead(text: string): ResponseHead {
  const [first = '', ...rest] = text.split('\r\n');
  const match = /^HTTP\/1\.[01] (\d{3}) ?(.*)$/.exec(first);
  if (!match) throw invalid('malformed HTTP response');
  return { status: Number(match[1]), reason: match[2]!, headers: parseHeaders(rest) };
}

export type Framing =
  | { kind: 'none' }
  | { kind: 'length'; length: number }
  | { kind: 'chunked' }
  | { kind: 'untilClose' };

export function requestFraming(head: RequestHead): Framing {
  const encoding = head.headers.get('transfer-encoding');
  if (encoding !== undefined) {
    if (encoding.toLowerCase() !== 'chunked') throw invalid(`unsupported transfer encoding ${encoding}`);
    return { kind: 'chunked' };
  }
  return lengthFraming(head.headers) ?? { kind: 'none' };
}

export function responseFraming(head: ResponseHead, method: string): Framing {
  if (method === 'HEAD' || head.status === 204 || head.status === 304 || head.status < 200) return { kind: 'none' };
  if (head.headers.get('transfer-encoding')?.toLowerCase() === 'chunked') return { kind: 'chunked' };
  return lengthFraming(head.headers) ?? { kind: 'untilClose' };
}

function lengthFraming(headers: Headers): Framing | undefined {
  const text = headers.get('content-length');
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw invalid('malformed Content-Length');
  return { kind: 'length', length: Number(text) };
}

/** Cuts a body out of a byte stream. `feed` reports body bytes as they come; once `done`, the rest belongs to the next message. */
export class BodyReader {
  done = false;
  #remaining = 0;
  #state: 'size' | 'data' | 'dataEnd' | 'trailer' = 'size';
  #line = '';

  constructor(private readonly framing: Framing) {
    if (framing.kind === 'none') this.done = true;
    if (framing.kind === 'length') {
      this.#remaining = framing.length;
      if (framing.length === 0) this.done = true;
    }
  }

  /** Calls `onData` for each run of body bytes and returns what is left over. */
  feed(chunk: Uint8Array, onData: (data: Uint8Array) => void): Uint8Array {
    switch (this.framing.kind) {
      case 'none':
        return chunk;
      case 'untilClose':
        onData(chunk);
        return chunk.subarray(chunk.length);
      case 'length': {
        const taken = chunk.subarray(0, this.#remaining);
        this.#remaining -= taken.length;
        if (this.#remaining === 0) this.done = true;
        if (taken.length > 0) onData(taken);
        return chunk.subarray(taken.length);
      }
      case 'chunked':
        return this.#feedChunked(chunk, onData);
    }
  }

  #feedChunked(chunk: Uint8Array, onData: (data: Uint8Array) => void): Uint8Array {
    let at = 0;
    while (at < chunk.length && !this.done) {
      if (this.#state === 'data') {
        const taken = chunk.subarray(at, at + this.#remaining);
        this.#remaining -= taken.length;
        at += taken.length;
        if (this.#remaining === 0) this.#state = 'dataEnd';
        onData(taken);
        continue;
      }
      const newline = chunk.indexOf(10, at);
      const end = newline < 0 ? chunk.length : newline;
      this.#line += Buffer.from(chunk.buffer, chunk.byteOffset + at, end - at).toString('latin1');
      if (this.#line.length > 4096) throw invalid('malformed chunked encoding');
      at = end + 1;
      if (newline < 0) break;
      this.#endLine(this.#line.replace(/\r$/, ''));
      this.#line = '';
    }
    return chunk.subarray(Math.min(at, chunk.length));
  }

  #endLine(line: string): void {
    switch (this.#state) {
      case 'size': {
        const match = /^([0-9a-fA-F]{1,13})\s*(;.*)?$/.exec(line);
        if (!match) throw invalid('malformed chunked encoding');
        this.#remaining = Number.parseInt(match[1]!, 16);
        this.#state = this.#remaining === 0 ? 'trailer' : 'data';
        return;
      }
      case 'dataEnd':
        if (line !== '') throw invalid('malformed chunked encoding');
        this.#state = 'size';
        return;
      case 'trailer':
        if (line === '') this.done = true;
        return;
      case 'data':
    }
  }
}

/** One chunk of a chunked body. As with `write`, the data must stay as it is until a promise is resolved. */
export function writeChunk(sink: Pick<Duplex, 'write'>, data: Uint8Array): boolean | Promise<boolean> {
  const head = Buffer.from(`${data.length.toString(16)}\r\n`, 'latin1');
  if (data.length < NOT_WORTH_A_COPY) return sink.write(Buffer.concat([head, data, CRLF]));
  void sink.write(head);
  void sink.write(data);
  // Whatever waits before it has to leave first.
  return sink.write(CRLF);
}

const NOT_WORTH_A_COPY = 64 * 1024;

const CRLF = Buffer.from('\r\n', 'latin1');
export const LAST_CHUNK: Uint8Array = Buffer.from('0\r\n\r\n', 'latin1');
