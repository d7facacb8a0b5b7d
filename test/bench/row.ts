// What one line of the table is.
import type { Side } from './side.ts';

/** What we want: so many times better than Docker, or a value at least as good as this. */
export type Goal = { times: number } | { value: number };

export interface Row {
  /** Selects it on the command line. */
  name: string;
  /** What a person does, as the table says it. */
  title: string;
  unit: 'ms' | 'MB/s' | 'MB' | '/s' | '×';
  goal?: Goal;
  rounds: number;
  /** Podman does it as well. */
  podman?: true;
  prepare?(side: Side): Promise<void>;
  measure(side: Side): Promise<number>;
  finish?(side: Side): Promise<void>;
}

/** What is per second is better when it is more; time, memory and slowdown when they are less. */
export const moreIsBetter = (row: Pick<Row, 'unit'>) => row.unit.endsWith('/s');

/** Milliseconds that something took. */
export async function timed(action: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await action();
  return performance.now() - started;
}
