import { describe, expect, test } from 'bun:test';
import type { HostConfig } from '../../wire/types.ts';
import { restartDelay, shouldRestart, shouldStartWithDaemon } from './restart-policy.ts';

const record = (policy: HostConfig['RestartPolicy'], exitCode = 1, restartCount = 0) => ({
  hostConfig: { RestartPolicy: policy },
  exitCode,
  restartCount,
});

describe('after an exit', () => {
  test('no policy leaves a container as it is', () => {
    expect(shouldRestart(record({ Name: 'no' }), false)).toBe(false);
    expect(shouldRestart(record(undefined), false)).toBe(false);
  });

  test('always restarts whatever the exit code', () => {
    expect(shouldRestart(record({ Name: 'always' }, 0), false)).toBe(true);
    expect(shouldRestart(record({ Name: 'unless-stopped' }, 137), false)).toBe(true);
  });

  test('on-failure needs a failure and a count that is not used up', () => {
    expect(shouldRestart(record({ Name: 'on-failure' }, 0), false)).toBe(false);
    expect(shouldRestart(record({ Name: 'on-failure' }, 1, 1000), false)).toBe(true);
    expect(shouldRestart(record({ Name: 'on-failure', MaximumRetryCount: 3 }, 1, 2), false)).toBe(true);
    expect(shouldRestart(record({ Name: 'on-failure', MaximumRetryCount: 3 }, 1, 3), false)).toBe(false);
  });

  test('a stop by name is final', () => {
    expect(shouldRestart(record({ Name: 'always' }), true)).toBe(false);
  });
});

describe('the delay', () => {
  test('doubles up to a minute and begins anew after a good run', () => {
    const delays: number[] = [];
    let delay = 0;
    for (let round = 0; round < 12; round++) {
      delay = restartDelay(delay, 0);
      delays.push(delay);
    }
    expect(delays.slice(0, 4)).toEqual([100, 200, 400, 800]);
    expect(delays.at(-1)).toBe(60_000);
    expect(restartDelay(60_000, 10_000)).toBe(100);
  });
});

describe('when the daemon starts', () => {
  const stopped = (Name: 'always' | 'unless-stopped' | 'on-failure', manuallyStopped: boolean, exitCode = 0) => ({
    ...record({ Name }, exitCode),
    manuallyStopped,
    phase: { kind: 'exited' } as const,
  });

  test('always forgets that somebody stopped it, unless-stopped remembers', () => {
    expect(shouldStartWithDaemon(stopped('always', true))).toBe(true);
    expect(shouldStartWithDaemon(stopped('unless-stopped', true))).toBe(false);
    expect(shouldStartWithDaemon(stopped('unless-stopped', false))).toBe(true);
    expect(shouldStartWithDaemon(stopped('on-failure', false, 0))).toBe(false);
    expect(shouldStartWithDaemon(stopped('on-failure', false, 2))).toBe(true);
  });

  test('what was never started stays so', () => {
    expect(shouldStartWithDaemon({ ...stopped('always', false), phase: { kind: 'created' } })).toBe(false);
  });
});
