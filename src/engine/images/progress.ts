// Long operations tell how far they are. They begin at once and end with the stream: whoever leaves it early cancels them.
import { Queue } from '../../lib/queue.ts';
import type { ProgressMessage } from './images.ts';

export type Report = (message: ProgressMessage) => void;

/** With so many unread messages, a reader is too slow for every step: it gets the next one it has time for. */
const BACKLOG = 500;

/** `signal` tells that nobody waits any more. */
export async function* withProgress(
  signal: AbortSignal,
  work: (report: Report, signal: AbortSignal) => Promise<void>,
): AsyncGenerator<ProgressMessage, void, void> {
  const messages = new Queue<ProgressMessage>();
  const abort = new AbortController();
  const report: Report = message => {
    const isStep = message.progressDetail?.total !== undefined;
    if (!isStep || messages.size < BACKLOG) messages.push(message);
  };
  const done = work(report, AbortSignal.any([signal, abort.signal])).then(
    () => messages.end(),
    (error: unknown) => messages.end(error),
  );
  try {
    yield* messages;
  } finally {
    abort.abort(new Error('the client went away'));
    await done;
  }
}

/** Reports of one part, at most ten a second. */
export class Steps {
  #last = 0;

  constructor(
    private readonly report: Report,
    private readonly id: string,
    private readonly status: string,
    private readonly total: number,
  ) {}

  at(current: number): void {
    const now = performance.now();
    if (now - this.#last < 100 && current < this.total) return;
    this.#last = now;
    const progressDetail = { current, total: this.total };
    this.report({ status: this.status, progressDetail, progress: progressText(current, this.total), id: this.id });
  }
}

const WIDTH = 50;

/** What Docker's clients draw when they don't draw themselves: [=====>     ]  1.5MB/3MB */
function progressText(current: number, total: number): string {
  if (total <= 0) return humanSize(current).padStart(8);
  const filled = Math.min(WIDTH, Math.floor((current / total) * WIDTH));
  const bar = filled === WIDTH ? `${'='.repeat(WIDTH)}>` : `${'='.repeat(filled)}>${' '.repeat(WIDTH - filled)}`;
  return `[${bar}]  ${humanSize(current).padStart(7)}/${humanSize(total)}`;
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** Four significant digits: 1.234MB. */
function humanSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${Number(value.toPrecision(4))}${UNITS[unit]}`;
}
