// Progress of pulls, pushes, loads and imports: one line per layer that is drawn anew on a terminal, plain lines elsewhere.
import { jsonLines } from '../../client/json-lines.ts';
import type { ByteSource } from '../../lib/streams.ts';
import { humanSize } from '../format/units.ts';
import type { WindowSize } from '../stdio/terminal.ts';
import { ExitError } from './errors.ts';
import type { Output } from './output.ts';
import { ProgressScreen } from './progress-screen.ts';

export interface ProgressMessage {
  id?: string;
  status?: string;
  stream?: string;
  error?: string;
  errorDetail?: { message?: string; code?: number };
  progressDetail?: {
    current?: number;
    total?: number;
    start?: number;
    units?: string;
    hidecounts?: boolean;
  };
  /** Something for the program, not for people: an image's digest. */
  aux?: unknown;
}

export interface ProgressOptions {
  /** The terminal's; without a terminal nothing is drawn anew. */
  size?: () => WindowSize;
  /** Shows nothing at all. */
  quiet?: boolean;
  onAux?: (aux: unknown) => void;
}

/** Shows a progress stream to its end; the error it may hold is thrown. */
export async function showProgress(source: ByteSource, out: Output, options: ProgressOptions = {}): Promise<void> {
  const screen = options.size && new ProgressScreen(out, options.size);
  try {
    for await (const message of jsonLines<ProgressMessage>(source)) {
      const error = message.errorDetail?.message ?? message.error;
      if (error !== undefined) throw new ExitError(1, error);
      if (message.aux !== undefined) {
        options.onAux?.(message.aux);
        continue;
      }
      if (options.quiet) continue;
      if (screen) showDrawn(message, screen, out);
      else showPlain(message, out);
      await out.flush();
    }
  } finally {
    screen?.leave();
    await out.flush();
  }
}

function showPlain({ id, status, stream, progressDetail }: ProgressMessage, out: Output): void {
  if (progressDetail?.current || progressDetail?.total) return;
  const label = id === undefined || id === '' ? '' : `${id}: `;
  out.write(stream ? `${label}${stream}` : `${label}${status ?? ''}\n`);
}

function showDrawn({ id, status = '', stream, progressDetail }: ProgressMessage, screen: ProgressScreen, out: Output) {
  const label = id === undefined || id === '' ? '' : `${id}: `;
  if (label === '' || !progressDetail) {
    // A line of no layer: those above it stay as they are.
    screen.leave();
    out.write(stream ? `${label}${stream}` : `${label}${status}\n`);
    return;
  }
  const bar = progressBar(progressDetail, screen.columns);
  screen.set(label, { text: `${label}${status} ${bar}`, moves: bar !== '', over: isLast(status) });
}

/** After these nothing is heard of a layer. */
const isLast = (status: string) =>
  /^(Pull complete|Already exists|Layer already exists|Pushed|Mounted from )/.test(status);

const BAR = 50;

export function progressBar(
  { current = 0, total = 0, start, units, hidecounts }: NonNullable<ProgressMessage['progressDetail']>,
  columns: number,
): string {
  if (current <= 0 && total <= 0) return '';
  const shown = units ? String(current) : humanSize(current).padStart(8);
  const suffix = units ? ` ${units}` : '';
  if (total <= 0) return `${shown}${suffix}`;
  const filled = Math.min(Math.trunc((current / total) * BAR), BAR);
  const bar = columns > 110 ? `[${'='.repeat(filled)}>${' '.repeat(BAR - filled)}] ` : '';
  // More than there should be: the total was wrong.
  const of = current > total ? '' : `/${units ? total : humanSize(total)}`;
  return `${bar}${hidecounts ? '' : `${shown}${of}${suffix}`}${remaining()}`;

  function remaining(): string {
    if (columns <= 50 || current <= 0 || !start || filled >= BAR) return '';
    const perUnit = (Date.now() / 1000 - start) / current;
    return ` ${durationText(Math.round((total - current) * perUnit))}`;
  }
}

function durationText(seconds: number): string {
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return `${hours > 0 ? `${hours}h` : ''}${seconds >= 60 ? `${minutes}m` : ''}${seconds % 60}s`;
}
