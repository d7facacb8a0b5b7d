// A program in a terminal of its own: what a person at the keyboard does and sees.
import { until } from './until.ts';

const ICANON = 2;
const ECHO = 8;

export interface TerminalOptions {
  environment: Record<string, string | undefined>;
  columns?: number;
  rows?: number;
}

export class TerminalSession implements Disposable {
  #screen = '';
  readonly #child: Bun.Subprocess;
  readonly #terminal: Bun.Terminal;

  constructor(command: readonly string[], { environment, columns = 100, rows = 30 }: TerminalOptions) {
    this.#terminal = new Bun.Terminal({
      cols: columns,
      rows,
      data: (_terminal, data) => {
        this.#screen += Buffer.from(data).toString();
      },
    });
    this.#child = Bun.spawn([...command], { terminal: this.#terminal, env: environment });
  }

  /** Everything that was printed so far, or since `forget`. */
  get screen(): string {
    return this.#screen;
  }

  forget(): void {
    this.#screen = '';
  }

  /** Lines are edited and typed characters shown by the terminal itself: the mode it was in before any program changed it. */
  get isCooked(): boolean {
    return (this.#terminal.localFlags & (ICANON | ECHO)) === (ICANON | ECHO);
  }

  type(text: string): void {
    this.#terminal.write(text);
  }

  resize(columns: number, rows: number): void {
    this.#terminal.resize(columns, rows);
    this.#child.kill('SIGWINCH');
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  shows(text: string | RegExp): Promise<unknown> {
    const found = () => (typeof text === 'string' ? this.#screen.includes(text) : text.test(this.#screen));
    return until(found, { what: () => `${text} on the screen, which shows ${JSON.stringify(this.#screen)}` });
  }

  /** The exit code. */
  async ended(): Promise<number> {
    return this.#child.exited;
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL');
    this.#terminal.close();
  }
}
