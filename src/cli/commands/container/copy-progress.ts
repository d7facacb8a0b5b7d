// What `docker cp` says on a terminal while it works, and when it is done.
import type { ByteSource } from '../../../lib/streams.ts';
import { humanSize } from '../../format/units.ts';
import type { Cli } from '../../framework/cli.ts';
import { isTerminal } from '../../stdio/terminal.ts';

const EVERY_MS = 75;

export class CopyProgress {
  #bytes = 0;

  constructor(
    private readonly cli: Cli,
    private readonly header: string,
    private readonly quiet: boolean,
  ) {}

  /** The same bytes, counted. */
  async *count(source: ByteSource): ByteSource {
    for await (const chunk of source) {
      this.#bytes += chunk.length;
      yield chunk;
    }
  }

  /** Shows how far it is until the work is done. */
  async during(work: Promise<void>): Promise<void> {
    if (this.quiet || !isTerminal(2)) return work;
    const { err } = this.cli;
    let shown = -1;
    const draw = () => {
      if (shown === this.#bytes) return;
      shown = this.#bytes;
      err.write(`\r\x1b[2K${this.header}${humanSize(shown, 3)}`);
      void err.flush();
    };
    const timer = setInterval(draw, EVERY_MS);
    try {
      await work;
    } finally {
      clearInterval(timer);
      err.write('\r\x1b[2K');
    }
  }

  summary(destination: string): void {
    if (!this.quiet) this.cli.err.line(`Successfully copied ${humanSize(this.#bytes, 3)} to ${destination}`);
  }
}
