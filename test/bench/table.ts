// The results as people read them: while it runs, and as a table for the README.
import { moreIsBetter, type Row } from './row.ts';

export interface Result {
  row: Row;
  /** Per side, the measured values; or why there are none. */
  docker: number[] | string;
  dockyard: number[] | string;
  podman?: number[] | string;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

const shown = (value: number) => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2));

function cell(values: number[] | string, unit: string): string {
  return typeof values === 'string' ? values : `${shown(median(values))} ${unit}`;
}

/** How many times better ours is. */
function ratio({ row, docker, dockyard }: Result): number | undefined {
  if (typeof docker === 'string' || typeof dockyard === 'string') return undefined;
  const [theirs, ours] = [median(docker), median(dockyard)];
  return moreIsBetter(row) ? ours / theirs : theirs / ours;
}

function goalOf({ goal, unit }: Row): string {
  if (!goal) return '';
  if ('value' in goal) return `${moreIsBetter({ unit }) ? 'over' : 'under'} ${goal.value} ${unit}`;
  if (goal.times === 1) return moreIsBetter({ unit }) ? 'no less' : 'faster';
  return `${goal.times}×`;
}

function cells(result: Result): string[] {
  const { row, docker, dockyard, podman } = result;
  const times = ratio(result);
  return [
    row.title,
    cell(docker, row.unit),
    cell(dockyard, row.unit),
    times ? `${shown(times)}×` : '',
    goalOf(row),
    podman ? cell(podman, row.unit) : '',
  ];
}

export function line(result: Result): string {
  const [, docker, dockyard, times, goal, podman] = cells(result);
  const aim = goal ? `  (goal: ${goal})` : '';
  const other = podman ? `  (podman: ${podman})` : '';
  const figures = `${docker!.padStart(12)} ${dockyard!.padStart(12)} ${times!.padStart(8)}`;
  return `${result.row.name.padEnd(18)} ${figures}${aim}${other}`;
}

export function markdown(results: readonly Result[], machine: string): string {
  return [
    '| what a person does | Docker | Dockyard | times better | goal | podman |',
    '|---|---:|---:|---:|---:|---:|',
    ...results.map(result => `| ${cells(result).join(' | ')} |`),
    '',
    `Medians; ${machine}.`,
    '',
  ].join('\n');
}
