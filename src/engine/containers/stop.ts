// Ends that somebody asked for: stop, kill, and the stop in a restart.
import { conflict, failed, notModified } from '../../lib/errors.ts';
import { log } from '../../lib/logger.ts';
import { killAll, thaw, thawKilled } from '../../runtime/cgroups/control.ts';
import { parseKillSignal, parseSignal } from '../../runtime/signals.ts';
import { cgroupOf } from './cgroup.ts';
import { type ContainerContext, publish } from './context.ts';
import { start } from './lifecycle.ts';
import type { LiveContainer } from './live.ts';
import { removeLocked } from './remove.ts';

/** Seconds. */
const KILL_TIMEOUT = 10;
const SIGKILL = 9;

export async function stop(
  context: ContainerContext,
  live: LiveContainer,
  options: { signal?: string; timeout?: number },
): Promise<void> {
  const { record } = live;
  const timeout = options.timeout ?? record.config.StopTimeout ?? context.config.defaultStopTimeout;
  // What is being started is stopped when it has started.
  await live.settled();
  if (await cancelPendingRestart(context, live)) return;
  if (record.phase.kind !== 'running') throw notModified('container is already stopped');
  // As in Docker: what is not running is stopped, by whatever signal.
  const signal = parseSignal(options.signal ?? record.config.StopSignal ?? 'SIGTERM');
  rememberManualStop(context, live);
  await endProcess(context, live, signal, timeout);
  publish(context, record, 'stop');
}

/** The machine goes down. Nobody wished for this container to end: after the boot its policy decides. */
export async function stopWithMachine(context: ContainerContext, live: LiveContainer): Promise<void> {
  await live.settled();
  live.cancelRestart();
  const { config, phase } = live.record;
  if (phase.kind !== 'running') return;
  live.stopRequested = true;
  const signal = parseSignal(config.StopSignal ?? 'SIGTERM');
  await endProcess(context, live, signal, config.StopTimeout ?? context.config.defaultStopTimeout);
}

/** Signals, waits, and kills what did not listen. Resolves when the exit has been settled. */
async function endProcess(
  context: ContainerContext,
  live: LiveContainer,
  signal: number,
  timeoutSeconds: number,
): Promise<void> {
  const waiting = new AbortController();
  const exited = live.waitFor('next-exit', waiting.signal);
  try {
    if (await sendSignal(context, live, signal)) {
      if (timeoutSeconds < 0) {
        await exited;
        return live.settled();
      }
      if (await within(exited, timeoutSeconds * 1000)) return live.settled();
    }
    if (live.record.phase.kind !== 'running') return live.settled();
    log.info('container did not stop in time, killing it', { container: live.record.id });
    await sendSignal(context, live, SIGKILL);
    await exited;
    return live.settled();
  } finally {
    exited.catch(() => undefined);
    waiting.abort();
  }
}

async function within(promise: Promise<unknown>, milliseconds: number): Promise<boolean> {
  let timer: Timer | undefined;
  const late = new Promise<false>(resolve => {
    timer = setTimeout(() => resolve(false), milliseconds);
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

function rememberManualStop(context: ContainerContext, live: LiveContainer): void {
  live.stopRequested = true;
  live.record.manuallyStopped = true;
  context.store.saveIfPossible(live.record);
}

async function cancelPendingRestart(context: ContainerContext, live: LiveContainer): Promise<boolean> {
  if (live.record.phase.kind !== 'restarting') return false;
  using _ = await live.transition.lock();
  if (live.record.phase.kind !== 'restarting') return false;
  live.cancelRestart();
  live.record.phase = { kind: 'exited' };
  rememberManualStop(context, live);
  live.notify(['not-running', 'next-exit'], { statusCode: live.record.exitCode });
  publish(context, live.record, 'stop');
  if (live.record.hostConfig.AutoRemove && !live.keepOnExit) await removeLocked(context, live, { volumes: true });
  return true;
}

async function sendSignal(context: ContainerContext, live: LiveContainer, signal: number): Promise<boolean> {
  const { phase } = live.record;
  if (phase.kind !== 'running' || !live.process) return false;
  const sent = live.process.signal(signal);
  if (sent && signal === SIGKILL) thawKilled(cgroupOf(context, live.record));
  // A frozen process takes its signal when it thaws; one that is to end must not wait for that.
  if (sent && phase.paused && (signal === SIGKILL || live.stopRequested)) await unpauseQuietly(context, live);
  publish(context, live.record, 'kill', { signal: String(signal) });
  return sent;
}

async function unpauseQuietly(context: ContainerContext, live: LiveContainer): Promise<void> {
  const { phase } = live.record;
  if (phase.kind !== 'running' || !phase.paused) return;
  thaw(cgroupOf(context, live.record));
  phase.paused = false;
  context.store.saveIfPossible(live.record);
}

export async function kill(context: ContainerContext, live: LiveContainer, signalText?: string): Promise<void> {
  const signal = parseKillSignal(signalText || 'SIGKILL');
  const { record } = live;
  await live.settled();
  if (signal === SIGKILL && (await cancelPendingRestart(context, live))) return;
  if (record.phase.kind !== 'running') {
    throw conflict(`cannot kill container: ${record.name}: container ${record.id} is not running`);
  }
  // As in Docker: where no signal is the one that stops it, any signal may be meant to.
  const { StopSignal } = record.config;
  if (signal === SIGKILL || !StopSignal || signal === parseSignal(StopSignal)) rememberManualStop(context, live);
  if (signal !== SIGKILL) {
    await sendSignal(context, live, signal);
    return;
  }
  const waiting = new AbortController();
  const exited = live.waitFor('next-exit', waiting.signal);
  exited.catch(() => undefined);
  try {
    await sendSignal(context, live, signal);
    // With a pid namespace that is not its own, the rest of the container outlives its init.
    if (record.hostConfig.PidMode) killAll(cgroupOf(context, live.record));
    // It may be gone already, and its end on the way here: who killed it wants to find it ended.
    if (!(await within(exited, KILL_TIMEOUT * 1000))) {
      throw failed(`tried to kill container ${record.name}, but it did not end within ${KILL_TIMEOUT} seconds`);
    }
    await live.settled();
  } finally {
    waiting.abort();
  }
}

export async function restart(
  context: ContainerContext,
  live: LiveContainer,
  options: { signal?: string; timeout?: number },
): Promise<void> {
  const { record } = live;
  // A container that removes itself must live through its own restart.
  live.keepOnExit = true;
  try {
    await live.settled();
    if (record.phase.kind === 'running' || record.phase.kind === 'restarting') {
      await stop(context, live, options).catch(error => {
        if (record.phase.kind === 'running') throw error;
      });
    }
    await start(context, live);
  } finally {
    live.keepOnExit = false;
  }
  publish(context, record, 'restart');
}
