// Health checks: a command run in the container again and again, and what its results add up to.
import { ProcessHandle } from '../../kernel/process.ts';
import { invalid, messageOf } from '../../lib/errors.ts';
import { newExecId } from '../../lib/ids.ts';
import { log } from '../../lib/logger.ts';
import { processStartTime } from '../../runtime/proc.ts';
import type { ContainerConfig, HealthConfig } from '../../wire/types.ts';
import type { ExecRequest } from './containers.ts';
import { type ContainerContext, publish } from './context.ts';
import { Exec, startExec } from './exec.ts';
import type { LiveContainer } from './live.ts';
import type { ContainerRecord } from './record.ts';

const SECOND = 1_000_000_000;
const DEFAULT_INTERVAL = 30 * SECOND;
const DEFAULT_TIMEOUT = 30 * SECOND;
const DEFAULT_START_INTERVAL = 5 * SECOND;
const DEFAULT_RETRIES = 3;
const SHORTEST = 1_000_000;
const KEPT_RESULTS = 5;
const KEPT_OUTPUT = 4096;
const SIGKILL = 9;

/** The check that applies, or undefined when there is none ("NONE" switches the image's off). */
export function healthCommand(config: ContainerConfig): string[] | undefined {
  const [kind, ...rest] = config.Healthcheck?.Test ?? [];
  switch (kind) {
    case 'CMD':
      return rest;
    case 'CMD-SHELL':
      return [...(config.Shell?.length ? config.Shell : ['/bin/sh', '-c']), rest[0] ?? ''];
    default:
      return undefined;
  }
}

export function validateHealthcheck(check: HealthConfig | undefined): void {
  if (!check) return;
  const kind = check.Test?.[0];
  if (kind !== undefined && !['', 'NONE', 'CMD', 'CMD-SHELL'].includes(kind)) {
    throw invalid(`unknown healthcheck test type: ${kind}`);
  }
  const durations = {
    Interval: check.Interval,
    Timeout: check.Timeout,
    StartPeriod: check.StartPeriod,
    StartInterval: check.StartInterval,
  };
  for (const [name, value] of Object.entries(durations)) {
    if (value !== undefined && value !== 0 && value < SHORTEST) {
      throw invalid(`${name} in Healthcheck cannot be less than 1ms`);
    }
  }
  if ((check.Retries ?? 0) < 0) throw invalid('Retries in Healthcheck cannot be negative');
}

/** Starts checking; the returned function ends it. */
export function startHealthMonitor(context: ContainerContext, live: LiveContainer): (() => void) | undefined {
  const { record } = live;
  const command = healthCommand(record.config);
  if (!command) {
    record.health = undefined;
    return undefined;
  }
  const monitor = new HealthMonitor(context, live, command);
  monitor.schedule();
  return () => monitor.stop();
}

class HealthMonitor {
  #timer: Timer | undefined;
  #stopped = false;
  readonly #check: HealthConfig;
  readonly #record: ContainerRecord;

  constructor(
    private readonly context: ContainerContext,
    private readonly live: LiveContainer,
    private readonly command: string[],
  ) {
    this.#record = live.record;
    this.#check = live.record.config.Healthcheck ?? {};
    const before = this.#record.health;
    // A daemon restart must not make a healthy container "starting" again.
    if (!before || before.Status === 'unhealthy' || before.Status === 'none') {
      this.#record.health = { Status: 'starting', FailingStreak: 0, Log: [] };
      this.context.store.save(this.#record);
    }
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  schedule(): void {
    if (this.#stopped) return;
    const starting = this.#record.health?.Status === 'starting' && this.#inStartPeriod();
    const interval = starting
      ? this.#check.StartInterval || DEFAULT_START_INTERVAL
      : this.#check.Interval || DEFAULT_INTERVAL;
    this.#timer = setTimeout(() => void this.#run(), interval / 1e6);
  }

  #inStartPeriod(): boolean {
    return Date.now() - Date.parse(this.#record.startedAt) < (this.#check.StartPeriod ?? 0) / 1e6;
  }

  async #run(): Promise<void> {
    const { phase } = this.#record;
    if (phase.kind === 'running' && !phase.paused) {
      const start = new Date();
      const duringStart = this.#inStartPeriod();
      try {
        const { exitCode, output } = await this.#probe();
        if (!this.#stopped) this.#settle(start, exitCode, output, duringStart);
      } catch (error) {
        log.warn('a health check could not run', { container: this.#record.id, error: messageOf(error) });
        if (!this.#stopped) this.#settle(start, -1, messageOf(error), duringStart);
      }
    }
    this.schedule();
  }

  async #probe(): Promise<{ exitCode: number; output: string }> {
    const request: ExecRequest = {
      attachStdin: false,
      attachStdout: true,
      attachStderr: true,
      tty: false,
      env: [],
      cmd: this.command,
      privileged: false,
      user: this.#record.config.User ?? '',
      workingDir: '',
    };
    const exec = new Exec(newExecId(), request, this.live);
    const abort = new AbortController();
    const attachment = await startExec(this.context, exec, { detach: false }, abort.signal);
    if (!attachment) return { exitCode: -1, output: '' };
    const timeout = (this.#check.Timeout || DEFAULT_TIMEOUT) / 1e6;
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      void end(exec);
      abort.abort();
    }, timeout);
    let output = '';
    try {
      for await (const batch of attachment.output) {
        for (const chunk of batch) {
          if (output.length < KEPT_OUTPUT) output += Buffer.from(chunk.data).toString();
        }
      }
      if (timedOut) {
        return { exitCode: -1, output: `Health check exceeded timeout (${timeout / 1000}s)` };
      }
      await exec.exited;
    } finally {
      clearTimeout(timer);
      attachment.close();
    }
    if (output.length > KEPT_OUTPUT) output = `${output.slice(0, KEPT_OUTPUT)}...`;
    return { exitCode: exec.phase.kind === 'exited' ? exec.phase.exitCode : -1, output };
  }

  #settle(start: Date, exitCode: number, output: string, duringStart: boolean): void {
    const health = this.#record.health;
    if (!health) return;
    const before = health.Status;
    health.Log = [
      ...(health.Log ?? []),
      { Start: start.toISOString(), End: new Date().toISOString(), ExitCode: exitCode, Output: output },
    ].slice(-KEPT_RESULTS);
    if (exitCode === 0) {
      health.FailingStreak = 0;
      health.Status = 'healthy';
    } else if (!(before === 'starting' && duringStart)) {
      health.FailingStreak = (health.FailingStreak ?? 0) + 1;
      if (health.FailingStreak >= (this.#check.Retries || DEFAULT_RETRIES)) health.Status = 'unhealthy';
    }
    this.context.store.saveIfPossible(this.#record);
    if (health.Status !== before) publish(this.context, this.#record, `health_status: ${health.Status}`);
  }
}

async function end(exec: Exec): Promise<void> {
  await exec.begun;
  if (exec.phase.kind !== 'running') return;
  if (processStartTime(exec.phase.pid) !== exec.phase.startTime) return;
  using handle = ProcessHandle.open(exec.phase.pid);
  handle?.signal(SIGKILL);
}
