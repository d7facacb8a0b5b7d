// For tests: writes and reopens a log file exactly as conmon does.
import { closeSync, constants, openSync, renameSync, writeSync } from 'node:fs';
import type { StdStream } from '../output.ts';

export class FakeConmon implements Disposable {
  #fd: number;
  #at: number;

  constructor(
    readonly path: string,
    start = Date.UTC(2026, 0, 2, 3, 4, 5) * 1000,
  ) {
    this.#at = start;
    this.#fd = openSync(path, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT, 0o640);
  }

  /** What one read of the container's pipe brought: whole lines, and perhaps a piece of one. Each read is a microsecond later. */
  write(text: string | Uint8Array, stream: StdStream = 1): void {
    const data = Buffer.from(text);
    this.#at++;
    const time = `${new Date(Math.floor(this.#at / 1000)).toISOString().slice(0, 23)}${String(this.#at % 1000).padStart(3, '0')}000+00:00`;
    const head = `${time} ${stream === 1 ? 'stdout' : 'stderr'} `;
    const parts: Uint8Array[] = [];
    for (let from = 0; from < data.length; ) {
      const end = data.indexOf(0x0a, from);
      if (end < 0) parts.push(Buffer.from(`${head}P `), data.subarray(from), Buffer.from('\n'));
      else parts.push(Buffer.from(`${head}F `), data.subarray(from, end + 1));
      from = end < 0 ? data.length : end + 1;
    }
    writeSync(this.#fd, Buffer.concat(parts));
  }

  readonly reopen = async (): Promise<void> => {
    closeSync(this.#fd);
    const fresh = `${this.path}.tmp`;
    this.#fd = openSync(fresh, constants.O_WRONLY | constants.O_TRUNC | constants.O_CREAT, 0o640);
    renameSync(fresh, this.path);
  };

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}
