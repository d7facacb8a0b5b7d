// Aligns text whose cells are ended by tabs. A column is as wide as the widest of its cells in neighbouring lines; a line
// that has no such cell ends the column. The last cell of a line belongs to no column.
import { displayWidth } from './display-width.ts';

export interface TabLayout {
  /** The least width of a column, its padding included. */
  minWidth: number;
  padding: number;
}

const listLayout: TabLayout = { minWidth: 10, padding: 3 };

export function alignTabs(text: string, layout: TabLayout = listLayout): string {
  const endsLine = text.endsWith('\n');
  const lines = (endsLine ? text.slice(0, -1) : text).split('\n').map(line => line.split('\t'));
  const widths: number[][] = lines.map(() => []);
  measure(lines, widths, 0, 0, lines.length, layout);
  const aligned = lines.map((cells, row) => {
    let out = '';
    for (let column = 0; column < cells.length - 1; column++) {
      const cell = cells[column]!;
      out += cell + ' '.repeat(Math.max(0, widths[row]![column]! - displayWidth(cell)));
    }
    return out + cells.at(-1)!;
  });
  return aligned.join('\n') + (endsLine ? '\n' : '');
}

/** Fills in the widths of a column and all those right of it, for the lines from `start` up to `end`. */
function measure(
  lines: readonly string[][],
  widths: number[][],
  column: number,
  start: number,
  end: number,
  layout: TabLayout,
): void {
  for (let row = start; row < end; row++) {
    const first = row;
    let width = layout.minWidth;
    for (; row < end && column < lines[row]!.length - 1; row++) {
      width = Math.max(width, displayWidth(lines[row]![column]!) + layout.padding);
    }
    if (row === first) continue;
    for (let i = first; i < row; i++) widths[i]![column] = width;
    measure(lines, widths, column + 1, first, row, layout);
  }
}
