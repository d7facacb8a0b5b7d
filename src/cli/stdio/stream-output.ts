// Bytes that pass through to stdout or stderr: as fast as the reader takes them, and no faster.
import type { FileSink } from 'bun';
import { errnoOf } from '../../lib/errors.ts';
import { BrokenPipeError } from '../framework/output.ts';

/** Where bytes go. `write` may hold them back; they are out when `flush` has resolved. */
export interface StreamOutput {
  write(chunk: Uint8Array): void | Promise<void>;
  flush(): void | Promise<void>;
}

const BUFFER = 256 * 1024;

/**
 * Pipes and terminals are opened anew, without blocking: setting our own stdout to non-blocking would do it to every process
 * that shares it, and a write that blocks would stop signals and stdin from being passed on.
 */
export async function openStreamOutput(descriptor: 1 | 2): Promise<StreamOutput> {
  const own = descriptor === 1 ? Bun.stdout : Bun.stderr;
  const stat = await own.stat();
  const anew = stat.isFIFO() || (stat.isCharacterDevice() && isTerminalDevice(stat.rdev));
  if (!anew) return new PlainOutput(own);
  try {
    return new SinkOutput(Bun.file(`/proc/self/fd/${descriptor}`).writer({ highWaterMark: BUFFER }));
  } catch (error) {
    // Another user's terminal, or no /proc: then blocking writes it is.
    if (error instanceof Error) return new PlainOutput(own);
    throw error;
  }
}

function isTerminalDevice(device: number): boolean {
  const major = (device >> 8) & 0xfff;
  return (major >= 136 && major <= 143) || major === 4 || major === 5;
}

class SinkOutput implements StreamOutput {
  constructor(private readonly sink: FileSink) {}

  write(chunk: Uint8Array): void | Promise<void> {
    return settle(() => this.sink.write(chunk));
  }

  flush(): void | Promise<void> {
    return settle(() => this.sink.flush());
  }
}

/** Regular files, sockets, /dev/null. */
class PlainOutput implements StreamOutput {
  constructor(private readonly file: Bun.BunFile) {}

  write(chunk: Uint8Array): Promise<void> | void {
    return settle(() => Bun.write(this.file, chunk));
  }

  flush(): void {}
}

function settle(act: () => number | Promise<number>): void | Promise<void> {
  try {
    const result: unknown = act();
    // `true`: Bun has closed the sink since an earlier write failed.
    if (result === true) throw new BrokenPipeError();
    if (result instanceof Promise) return result.then(() => undefined, asBrokenPipe);
  } catch (error) {
    asBrokenPipe(error);
  }
}

function asBrokenPipe(error: unknown): never {
  if (errnoOf(error) === 'EPIPE') throw new BrokenPipeError();
  throw error;
}
