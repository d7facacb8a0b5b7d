// Printing. What a command prints is gathered and written in one go; bytes that pass through have stream-output.ts.
import { errnoOf } from '../../lib/errors.ts';

/** Text for stdout or stderr. Nothing is lost at exit as long as `flush` is awaited, which the framework does. */
export interface Output {
  /** Text as it is. */
  write(text: string): void;
  /** A line. */
  line(text: string): void;
  /** Writes what has been gathered. Needed only by commands that print while they wait for something. */
  flush(): Promise<void>;
}

export class DescriptorOutput implements Output {
  #pending = '';
  #writing: Promise<void> = Promise.resolve();

  constructor(private readonly descriptor: 1 | 2) {}

  write(text: string): void {
    this.#pending += text;
  }

  line(text: string): void {
    this.#pending += `${text}\n`;
  }

  flush(): Promise<void> {
    if (this.#pending === '') return this.#writing;
    const text = this.#pending;
    this.#pending = '';
    this.#writing = this.#writing.then(() => writeAll(this.descriptor, text));
    return this.#writing;
  }
}

/** The reader of our output is gone. */
export class BrokenPipeError extends Error {}

async function writeAll(descriptor: 1 | 2, text: string): Promise<void> {
  try {
    await Bun.write(descriptor === 1 ? Bun.stdout : Bun.stderr, text);
  } catch (error) {
    if (errnoOf(error) === 'EPIPE') throw new BrokenPipeError();
    throw error;
  }
}

/** For tests: keeps what was printed. */
export class MemoryOutput implements Output {
  text = '';
  write(text: string): void {
    this.text += text;
  }
  line(text: string): void {
    this.text += `${text}\n`;
  }
  async flush(): Promise<void> {}
}
