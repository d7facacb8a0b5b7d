// Without a terminal the engine sends stdout and stderr over one stream, in frames: a byte that says which, three zeros,
// four bytes of length, the bytes.

export type OutputStream = 'stdout' | 'stderr';

const HEADER = 8;

export class Demultiplexer {
  #header = Buffer.alloc(HEADER);
  #headerLength = 0;
  #remaining = 0;
  #stream: OutputStream | 'error' = 'stdout';
  #error = '';

  /** Calls `onData` for each piece of a frame's content, in order, without copying. */
  feed(chunk: Uint8Array, onData: (stream: OutputStream, data: Uint8Array) => void): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#remaining === 0) {
        const taken = Math.min(HEADER - this.#headerLength, chunk.length - at);
        this.#header.set(chunk.subarray(at, at + taken), this.#headerLength);
        this.#headerLength += taken;
        at += taken;
        if (this.#headerLength === HEADER) this.#beginFrame();
        continue;
      }
      const data = chunk.subarray(at, at + this.#remaining);
      at += data.length;
      this.#remaining -= data.length;
      if (this.#stream === 'error') this.#takeError(data);
      else onData(this.#stream, data);
    }
  }

  /** The stream must not end inside a frame. */
  get complete(): boolean {
    return this.#remaining === 0 && this.#headerLength === 0;
  }

  #beginFrame(): void {
    this.#headerLength = 0;
    this.#remaining = this.#header.readUInt32BE(4);
    switch (this.#header[0]) {
      case 0:
      case 1:
        this.#stream = 'stdout';
        return;
      case 2:
        this.#stream = 'stderr';
        return;
      case 3:
        this.#stream = 'error';
        return;
      default:
        throw new Error(`unrecognized stream: ${this.#header[0]}`);
    }
  }

  #takeError(data: Uint8Array): void {
    this.#error += Buffer.from(data).toString();
    if (this.#remaining === 0) throw new Error(`error from daemon in stream: ${this.#error}`);
  }
}
