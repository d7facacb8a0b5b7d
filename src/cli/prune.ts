// What all prunes do: ask, remove, say what is gone.

import { humanSize } from './format/units.ts';
import type { Cli } from './framework/cli.ts';
import { confirmOrCancel } from './prompt.ts';

export interface Pruned {
  /** Headed by what kind of things they were; empty when there was nothing to remove. */
  lines: string[];
  /** Bytes; undefined for things that take none. */
  reclaimed?: number;
}

export async function askAndPrune(
  cli: Cli,
  { force, warning }: { force: boolean; warning: string },
  prune: () => Promise<Pruned>,
): Promise<void> {
  if (!force) await confirmOrCancel(cli, `WARNING! ${warning}\nAre you sure you want to continue?`);
  const { lines, reclaimed } = await prune();
  printPruned(cli, lines);
  if (reclaimed !== undefined) printReclaimed(cli, reclaimed);
}

export function printPruned(cli: Cli, lines: readonly string[]): void {
  if (lines.length > 0) cli.out.write(`${lines.join('\n')}\n\n`);
}

export function printReclaimed(cli: Cli, bytes: number): void {
  cli.out.line(`Total reclaimed space: ${humanSize(bytes)}`);
}

export function listed(title: string, names: readonly string[] | null | undefined): string[] {
  return names?.length ? [title, ...names] : [];
}
