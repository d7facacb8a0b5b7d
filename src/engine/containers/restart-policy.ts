// When a container that ended is started again, and how long that waits.
import type { ContainerRecord } from './record.ts';

const FIRST_DELAY = 100;
const LONGEST_DELAY = 60_000;
/** Whoever ran this long is taken to have worked: the next delay begins from the shortest again. */
const GOOD_RUN = 10_000;

export function shouldRestart(
  record: Pick<ContainerRecord, 'hostConfig' | 'exitCode' | 'restartCount'>,
  stopRequested: boolean,
): boolean {
  if (stopRequested) return false;
  const policy = record.hostConfig.RestartPolicy;
  switch (policy?.Name) {
    case 'always':
    case 'unless-stopped':
      return true;
    case 'on-failure':
      if (record.exitCode === 0) return false;
      return !policy.MaximumRetryCount || record.restartCount < policy.MaximumRetryCount;
    default:
      return false;
  }
}

export function restartDelay(previous: number, ranForMilliseconds: number): number {
  if (previous === 0 || ranForMilliseconds >= GOOD_RUN) return FIRST_DELAY;
  return Math.min(previous * 2, LONGEST_DELAY);
}

/** What a starting daemon does with a container that does not run. */
export function shouldStartWithDaemon(
  record: Pick<ContainerRecord, 'hostConfig' | 'exitCode' | 'restartCount' | 'manuallyStopped' | 'phase'>,
): boolean {
  if (record.phase.kind !== 'exited' && record.phase.kind !== 'restarting') return false;
  const policy = record.hostConfig.RestartPolicy?.Name;
  if (policy === 'always') return true;
  return !record.manuallyStopped && shouldRestart(record, false);
}
