// A hijacked stream joined with our stdin, stdout and stderr.
import { Demultiplexer, type OutputStream } from '../../client/demultiplex.ts';
import type { RawStream } from '../../client/http.ts';
import { openStreamOutput, type StreamOutput } from './stream-output.ts';

export interface SessionOptions {
  /** The process has a terminal: one raw stream instead of frames. */
  tty: boolean;
  stdin: boolean;
  /** Somebody wants what the process prints: the session goes on until that ends. */
  output: boolean;
  /** The keys that leave the session, with a terminal. */
  detachKeys?: string;
}

/** How a session ended. `input`: what we had to send is sent, and nobody waits for output. */
export type SessionEnd = 'ended' | 'detached' | 'input';

export class Session {
  #restore: () => void = () => undefined;
  #stopReading: () => void = () => undefined;

  constructor(
    private readonly stream: RawStream,
    private readonly options: SessionOptions,
  ) {}

  /** Runs until either side ends it; the terminal is in its former mode then. */
  async run(): Promise<SessionEnd> {
    const { tty, stdin, output } = this.options;
    if (tty && stdin) await this.#rawTerminal();
    let end: SessionEnd | undefined;
    try {
      const input = stdin ? this.#sendInput() : this.#sendNothing();
      // Input that has ended says nothing about the output; input that was detached ends the session.
      const ending = output
        ? Promise.race([this.#receive(), input.then(how => (how === 'detached' ? how : forever))])
        : input;
      end = await ending;
      return end;
    } finally {
      this.#restore();
      // What was sent may still wait for the process to start: it goes through as long as we stay connected.
      if (end !== 'input') this.close();
    }
  }

  /** Ends both directions at once. */
  close(): void {
    this.stream.destroy();
    this.#stopReading();
  }

  async #rawTerminal(): Promise<void> {
    const { isTerminal, rawMode } = await import('./terminal.ts');
    if (isTerminal(0)) this.#restore = rawMode(0);
  }

  async #receive(): Promise<SessionEnd> {
    if (this.options.tty) await copyRaw(this.stream);
    else await copyFrames(this.stream);
    this.#restore();
    return 'ended';
  }

  async #sendInput(): Promise<SessionEnd> {
    const filter = this.options.tty ? await detachFilter(this.options.detachKeys) : undefined;
    const reader = Bun.stdin.stream().getReader();
    this.#stopReading = () => void reader.cancel().catch(() => undefined);
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const { pass, detached } = filter?.(value) ?? { pass: value, detached: false };
      if (pass.length > 0 && !(await this.stream.write(pass))) break;
      if (detached) return 'detached';
    }
    this.stream.end();
    return 'input';
  }

  async #sendNothing(): Promise<SessionEnd> {
    this.stream.end();
    return 'input';
  }
}

const forever = new Promise<never>(() => undefined);

async function detachFilter(keys: string | undefined) {
  const { DetachKeys, parseDetachKeys } = await import('../../lib/detach-keys.ts');
  const watch = new DetachKeys(parseDetachKeys(keys || undefined));
  return (chunk: Uint8Array) => watch.feed(chunk);
}

/** One stream to stdout. */
export async function copyRaw(source: { takeAll(): Promise<Uint8Array[]> }): Promise<void> {
  const output = await openStreamOutput(1);
  for (;;) {
    const chunks = await source.takeAll();
    if (chunks.length === 0) return;
    for (const chunk of chunks) await output.write(chunk);
    await output.flush();
  }
}

/** Frames to stdout and stderr, in their order even where both are the same terminal. */
export async function copyFrames(source: { takeAll(): Promise<Uint8Array[]> }): Promise<void> {
  const frames = new Demultiplexer();
  const outputs: Partial<Record<OutputStream, StreamOutput>> = {};
  for (;;) {
    const chunks = await source.takeAll();
    if (chunks.length === 0) return;
    const pieces: { stream: OutputStream; data: Uint8Array }[] = [];
    for (const chunk of chunks) frames.feed(chunk, (stream, data) => void pieces.push({ stream, data }));
    let last: StreamOutput | undefined;
    for (const { stream, data } of pieces) {
      outputs[stream] ??= await openStreamOutput(stream === 'stdout' ? 1 : 2);
      const output = outputs[stream];
      if (last !== undefined && last !== output) await last.flush();
      last = output;
      const written = output.write(data);
      if (written) await written;
    }
    await last?.flush();
  }
}
