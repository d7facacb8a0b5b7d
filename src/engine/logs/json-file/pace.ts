// When to convert what conmon wrote. Nobody gains by having it at once while more comes than anybody could watch, and it would take
// the time that the output itself needs; nor if the container ends the next moment and takes its log along.

/** Bytes per millisecond. Below it the conversion costs a few hundredths of a processor. */
const fast = 8 * 1024;
/** Output is fast until it was not for so long: conmon has to wait for a processor now and then, too. */
const calmMilliseconds = 150;
const leastMilliseconds = 20;
const longestMilliseconds = 3_000;
const usualMost = 256 * 1024 * 1024;

export class Pace {
  #seen = { written: 0, at: Number.NEGATIVE_INFINITY };
  #fastAt = Number.NEGATIVE_INFINITY;
  #waitingSince: number | undefined;

  /** `most`: what may wait at a time, in bytes. */
  constructor(
    private readonly most = usualMost,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** To be told now and then how much was written in all, and how much of it waits. True: convert what waits. */
  isDue(written: number, waiting: number): boolean {
    const now = this.now();
    if (written - this.#seen.written > fast * (now - this.#seen.at)) this.#fastAt = now;
    this.#seen = { written, at: now };
    if (waiting === 0) {
      this.#waitingSince = undefined;
      return false;
    }
    this.#waitingSince ??= now;
    const waited = now - this.#waitingSince;
    const isCalm = now - this.#fastAt >= calmMilliseconds;
    const due = waiting >= this.most || waited >= (isCalm ? leastMilliseconds : longestMilliseconds);
    if (due) this.#waitingSince = undefined;
    return due;
  }
}

/** Files that are kept small are not to wait in one that isn't. */
export function mostWaiting(maxSize: number, maxFiles: number): number {
  return Math.min(usualMost, Math.max(usualMost / 16, maxSize * maxFiles));
}
