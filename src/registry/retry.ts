// What failed for a passing reason is tried again, after a while. One policy for all that is asked of registries.
import { setTimeout as wait } from 'node:timers/promises';
import { ConnectionFailure, RegistryFailure } from './failures.ts';

export interface RetryPolicy {
  /** Failures in a row until it is given up. */
  attempts: number;
  /** Told at the beginning of each second of a wait. */
  onWait?(left: Wait): void;
}

export interface Wait {
  /** Seconds that are left. */
  seconds: number;
  /** It has only begun. */
  first: boolean;
  error: Error;
}

export const waitText = (seconds: number): string => `Retrying in ${seconds} second${seconds === 1 ? '' : 's'}`;

export const DEFAULT_ATTEMPTS = 5;

const FIRST_DELAY = 1000;
const MAX_DELAY = 60_000;

/** Tries again. As long as `progress` grows it may fail as often as it likes. */
export async function retrying<T>(
  { attempts, onWait }: RetryPolicy,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
  progress: () => number = () => 0,
): Promise<T> {
  let furthest = progress();
  for (let failures = 1; ; failures++) {
    try {
      return await work();
    } catch (error) {
      signal?.throwIfAborted();
      const delay = delayAfter(failures, error);
      if (delay === undefined) throw error;
      if (progress() > furthest) failures = 1;
      else if (failures >= attempts) throw error;
      furthest = Math.max(furthest, progress());
      await pause(failures === 1 ? delayAfter(1, error)! : delay, signal, error as Error, onWait);
    }
  }
}

async function pause(
  milliseconds: number,
  signal: AbortSignal | undefined,
  error: Error,
  onWait: RetryPolicy['onWait'],
): Promise<void> {
  const whole = Math.ceil(milliseconds / 1000);
  for (let left = milliseconds; left > 0; ) {
    const seconds = Math.ceil(left / 1000);
    onWait?.({ seconds, first: seconds === whole, error });
    const step = left - (seconds - 1) * 1000;
    await wait(step, undefined, { signal }).catch(() => signal?.throwIfAborted());
    left -= step;
  }
}

/**
 * Milliseconds to wait after so many failures in a row. Undefined where waiting is of no use: nothing will change, or the
 * registry asks for more time than a person would give it.
 */
export function delayAfter(failures: number, error: unknown, random = Math.random): number | undefined {
  if (!(error instanceof ConnectionFailure || error instanceof RegistryFailure) || !error.isTemporary) return undefined;
  const asked = error instanceof RegistryFailure ? error.retryAfter : undefined;
  if (asked !== undefined) return asked * 1000 <= MAX_DELAY ? asked * 1000 : undefined;
  // Many that were cut off at once must not come back at once.
  return Math.min(FIRST_DELAY * 2 ** (failures - 1), MAX_DELAY) * (0.75 + random() / 2);
}
