// Progress on a terminal: each layer has a line that is drawn anew. The window may be smaller than what there is to show, and
// may change its size.
import type { WindowSize } from '../stdio/terminal.ts';
import type { Output } from './output.ts';

export interface ProgressRow {
  text: string;
  /** Something happens there. */
  moves: boolean;
  /** Nothing will happen there any more. */
  over: boolean;
}

export class ProgressScreen {
  /** By label, in order of appearance. */
  readonly #rows = new Map<string, ProgressRow>();
  /** Lines as they stand on the screen; the cursor is below the last. */
  #drawn: string[] = [];
  #columns = 0;

  constructor(
    private readonly out: Output,
    private readonly size: () => WindowSize,
  ) {}

  get columns(): number {
    return this.size().columns;
  }

  set(label: string, row: ProgressRow): void {
    this.#rows.set(label, row);
    const { columns, rows } = this.size();
    // The cursor can't go above the window.
    const room = Math.max(1, rows - 1);
    const above = this.#takeFinished(this.#rows.size - room);
    this.#draw(above, this.#chosen(room), { columns, rows });
  }

  /** What was drawn stays as it is; all rows are there once more if some could not be shown. */
  leave(): void {
    if (this.#rows.size > this.#drawn.length) this.#draw([], [...this.#rows.values()], this.size());
    this.#rows.clear();
    this.#drawn = [];
  }

  /** Up to so many, to be written once more and left behind. */
  #takeFinished(count: number): ProgressRow[] {
    const taken: ProgressRow[] = [];
    for (const [label, row] of this.#rows) {
      if (taken.length >= count) break;
      if (!row.over) continue;
      taken.push(row);
      this.#rows.delete(label);
    }
    return taken;
  }

  #chosen(room: number): ProgressRow[] {
    const rows = [...this.#rows.values()];
    if (rows.length <= room) return rows;
    const moving = rows.filter(row => row.moves);
    const kept = new Set([...moving, ...rows.filter(row => !row.moves)].slice(0, room));
    return rows.filter(row => kept.has(row));
  }

  #draw(above: readonly ProgressRow[], rows: readonly ProgressRow[], { columns, rows: height }: WindowSize): void {
    // A line as wide as the window would make the next one begin further down.
    const lines = [...above, ...rows].map(({ text }) => text.trimEnd().slice(0, Math.max(1, columns - 1)));
    const drawn = this.#drawn;
    if (above.length > 0 || lines.length < drawn.length || columns !== this.#columns) {
      // Terminals break lines anew when they become narrower.
      const taken = drawn.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / columns)), 0);
      const up = Math.min(taken, Math.max(1, height - 1));
      if (drawn.length > 0) this.out.write(`\x1b[${up}A\r\x1b[J`);
      this.out.write(lines.map(line => `${line}\n`).join(''));
    } else {
      for (const [at, line] of lines.entries()) {
        const up = drawn.length - at;
        if (up <= 0) this.out.write(`${line}\n`);
        else if (line !== drawn[at]) this.out.write(`\x1b[${up}A\x1b[2K\r${line}\r\x1b[${up}B`);
      }
    }
    this.#drawn = lines.slice(above.length);
    this.#columns = columns;
  }
}
