// From start to exit and round again. A phase changes only while the container's transition lock is held; the record is
// stored before anybody hears of the change.
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { ProcessHandle } from '../../kernel/process.ts';
import { conflict, failed, messageOf, notModified } from '../../lib/errors.ts';
import { log } from '../../lib/logger.ts';
import { freeze, killAll, thaw } from '../../runtime/cgroups/control.ts';
import type { Watched } from '../../runtime/conmon.ts';
import type { Exit } from '../../runtime/exits.ts';
import { deleteCreated, deleteEnded, startCreated, startFailure } from '../../runtime/oci-runtime.ts';
import { processStartTime } from '../../runtime/proc.ts';
import { parseKillSignal, parseSignal } from '../../runtime/signals.ts';
import { cgroupOf } from './cgroup.ts';
import { type ContainerContext, pathsOf, publish } from './context.ts';
import { endExecs } from './exec.ts';
import { startHealthMonitor } from './health.ts';
import { launch, releaseMounts } from './launch.ts';
import type { LiveContainer } from './live.ts';
import { type ContainerRecord, ZERO_TIME } from './record.ts';
import { removeEnded, removeLocked } from './remove.ts';
import { restartDelay, shouldRestart } from './restart-policy.ts';
import { ociRuntime } from './runtimes.ts';
import { StartError } from './start-error.ts';
import { watchConmon } from './watchdog.ts';

const KILL_TIMEOUT = 10;

export async function start(context: ContainerContext, live: LiveContainer): Promise<void> {
  using _ = await live.transition.lock();
  const { record } = live;
  switch (record.phase.kind) {
    case 'running':
      if (record.phase.paused) throw conflict('cannot start a paused container, try unpause instead');
      throw notModified('container is already running');
    case 'removing':
    case 'dead':
      throw conflict('container is marked for removal and cannot be started');
    case 'created':
    case 'exited':
    case 'restarting':
  }
  live.cancelRestart();
  live.restartDelay = 0;
  record.manuallyStopped = false;
  record.restartCount = 0;
  await startLocked(context, live);
}

/** The caller holds the lock and has checked that nothing runs. */
async function startLocked(context: ContainerContext, live: LiveContainer): Promise<void> {
  const { record } = live;
  const paths = pathsOf(context, record);
  live.stopRequested = false;
  try {
    // A conmon that was slow to tell of an earlier end must not be taken for this one's.
    context.exits.forget(record.id);
    const watched = await launchHolding(context, live);
    live.watched = paths.bundle;
    live.process = ProcessHandle.open(watched.pid);
    live.log.attach();
    if (live.io.hasClients) await live.io.connect(paths.bundle);
    live.io.announce();
    // Stored before the process runs: whatever happens from here on, a new daemon finds it.
    record.phase = {
      kind: 'running',
      pid: watched.pid,
      conmonPid: watched.conmonPid,
      startTime: processStartTime(watched.pid) ?? '',
      paused: false,
    };
    record.startedAt = new Date().toISOString();
    record.exitCode = 0;
    record.error = '';
    record.oomKilled = false;
    context.store.save(record);
    watchConmon(context, live);
    await startCreated(ociRuntime(context, record), record.id);
  } catch (error) {
    await abandonStart(context, live, error);
  }
  publish(context, record, 'start');
  live.stopHealthMonitor = startHealthMonitor(context, live);
}

/** A copy that ends meanwhile must not take the root file system with it. */
async function launchHolding(context: ContainerContext, live: LiveContainer): Promise<Watched> {
  live.rootUsers++;
  try {
    return await launch(context, live);
  } finally {
    live.rootUsers--;
  }
}

/** Takes back all of a start that failed, and throws what the client is to hear. */
async function abandonStart(context: ContainerContext, live: LiveContainer, cause: unknown): Promise<never> {
  const { record } = live;
  const reason = messageOf(cause);
  const failure = startFailure(reason, record.path);
  record.phase = record.startedAt === ZERO_TIME ? { kind: 'created' } : { kind: 'exited' };
  record.exitCode = failure.exitCode === 125 ? 128 : failure.exitCode;
  record.error = failure.message;
  context.store.saveIfPossible(record);
  await cleanUpProcess(context, live, 'unknown').catch(error =>
    log.warn('a failed start left something behind', { container: record.id, error: messageOf(error) }),
  );
  context.exits.forget(record.id);
  const result = { statusCode: record.exitCode, error: record.error };
  live.notify(['not-running', 'next-exit'], result);
  publish(context, record, 'die', { exitCode: String(record.exitCode), execDuration: '0' });
  if (record.hostConfig.AutoRemove) await removeLocked(context, live, { volumes: true });
  throw new StartError('create', failure, cause);
}

/** conmon reported the end of a container's init. */
export async function handleExit(context: ContainerContext, id: ContainerRecord['id']): Promise<void> {
  const found = context.store.get(id);
  if (!found) {
    context.exits.forget(id);
    return;
  }
  if (!context.exits.peek(id)) return;
  const live = context.live(found);
  using _ = await live.transition.lock();
  // The news may have been dealt with, and the container started again, while this waited for the lock.
  const exit = context.exits.peek(id);
  if (!exit) return;
  // It never got as far as running.
  if (live.record.phase.kind !== 'running') context.exits.forget(id);
  else await settleExit(context, live, exit);
}

/** The caller holds the lock; the record's phase is 'running' but its process is gone. */
export async function settleExit(context: ContainerContext, live: LiveContainer, exit: Exit): Promise<void> {
  const { record } = live;
  const { id } = record;
  record.oomKilled = existsSync(`${pathsOf(context, record).bundle}/oom`);
  const exitCode = exit.code;
  record.exitCode = exitCode;
  record.finishedAt = exit.time.toISOString();
  const ranFor = Date.parse(record.finishedAt) - Date.parse(record.startedAt);
  const again = shouldRestart(record, live.stopRequested || record.manuallyStopped);
  record.phase = again ? { kind: 'restarting' } : { kind: 'exited' };
  if (record.health) record.health.Status = 'unhealthy';
  // What could not be stored stays in conmon's file, for the next daemon to find.
  if (context.store.saveIfPossible(record)) context.exits.forget(id);
  if (record.oomKilled) publish(context, record, 'oom');
  publish(context, record, 'die', { exitCode: String(exitCode), execDuration: String(Math.floor(ranFor / 1000)) });
  await stopNetwork(context, id);
  const result = { statusCode: exitCode, error: record.error || undefined };
  live.notify(again ? ['next-exit'] : ['next-exit', 'not-running'], result);
  const leaves = !again && record.hostConfig.AutoRemove === true && !live.keepOnExit;
  if (leaves && (await removeEnded(context, live))) return;
  try {
    await cleanUpProcess(context, live, 'ended');
  } catch (error) {
    log.error('could not clean up after an exited container', { container: id, error: messageOf(error) });
  }
  if (again) scheduleRestart(context, live, ranFor);
  else if (leaves) await removeLocked(context, live, { volumes: true });
}

/** The rest of a clean-up goes on when this can't: its state may be on a full disk. */
async function stopNetwork(context: ContainerContext, id: ContainerRecord['id']): Promise<void> {
  try {
    await context.networks.stop(id);
  } catch (error) {
    log.error('could not take down the network of an exited container', { container: id, error: messageOf(error) });
  }
}

/** Everything a process had, beside the record; `unknown`: some of it may still run. Idempotent, so that a new daemon can finish what an old one began. */
export async function cleanUpProcess(
  context: ContainerContext,
  live: LiveContainer,
  end: 'ended' | 'unknown',
): Promise<void> {
  const { record } = live;
  await takeDownProcess(context, live, end);
  await releaseMounts(context, record);
  if (!live.rootUsers) context.snapshots.unmount(record.id);
  await rm(pathsOf(context, record).bundle, { recursive: true, force: true });
}

/** The part of it that is no file of the engine's. */
export async function takeDownProcess(
  context: ContainerContext,
  live: LiveContainer,
  end: 'ended' | 'unknown',
): Promise<void> {
  const { record } = live;
  live.stopHealthMonitor?.();
  live.stopHealthMonitor = undefined;
  endExecs(live);
  live.unwatchConmon?.();
  live.unwatchConmon = undefined;
  live.process?.[Symbol.dispose]();
  live.process = undefined;
  live.watched = undefined;
  // conmon closed the attach connections itself, after the last byte; only a process that never ran needs telling.
  if (record.startedAt === ZERO_TIME) live.io.abort();
  live.retireIo();
  await Promise.all([
    end === 'ended'
      ? deleteEnded(ociRuntime(context, record), record.id, cgroupOf(context, record))
      : deleteCreated(ociRuntime(context, record), record.id, cgroupOf(context, record)),
    live.log.detach(),
    stopNetwork(context, record.id),
  ]);
}

function scheduleRestart(context: ContainerContext, live: LiveContainer, ranFor: number): void {
  live.cancelRestart();
  live.restartDelay = restartDelay(live.restartDelay, ranFor);
  live.restartTimer = setTimeout(() => void restartNow(context, live), live.restartDelay);
}

/** The policy's turn. Also called at daemon start for those that waited when the old one ended. */
export async function restartNow(context: ContainerContext, live: LiveContainer): Promise<void> {
  using _ = await live.transition.lock();
  const { record } = live;
  if (record.phase.kind !== 'restarting') return;
  live.cancelRestart();
  record.restartCount++;
  try {
    await startLocked(context, live);
  } catch (error) {
    log.error('the restart policy could not start a container', { container: record.id, error: messageOf(error) });
    if (context.store.get(record.id) !== record) return;
    // A start that fails counts like an exit: the policy tries again, later and later, until its count is used up.
    if (!shouldRestart(record, live.stopRequested || record.manuallyStopped)) return;
    record.phase = { kind: 'restarting' };
    context.store.saveIfPossible(record);
    scheduleRestart(context, live, 0);
  }
}

export async function stop(
  context: ContainerContext,
  live: LiveContainer,
  options: { signal?: string; timeout?: number },
): Promise<void> {
  const { record } = live;
  const signal = parseSignal(options.signal ?? record.config.StopSignal ?? 'SIGTERM');
  const timeout = options.timeout ?? record.config.StopTimeout ?? context.config.defaultStopTimeout;
  // What is being started is stopped when it has started.
  await live.settled();
  if (await cancelPendingRestart(context, live)) return;
  if (record.phase.kind !== 'running') throw notModified('container is already stopped');
  rememberManualStop(context, live);
  await endProcess(context, live, signal, timeout);
  publish(context, record, 'stop');
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

const SIGKILL = 9;

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

export async function pause(context: ContainerContext, live: LiveContainer): Promise<void> {
  using _ = await live.transition.lock();
  const { record } = live;
  const phase = requireRunning(record, 'pause');
  if (phase.paused) throw conflict(`container ${record.id} is already paused`);
  await freeze(cgroupOf(context, live.record));
  phase.paused = true;
  context.store.save(record);
  publish(context, record, 'pause');
}

export async function unpause(context: ContainerContext, live: LiveContainer): Promise<void> {
  using _ = await live.transition.lock();
  const { record } = live;
  const phase = requireRunning(record, 'unpause');
  if (!phase.paused) throw conflict(`container ${record.id} is not paused`);
  thaw(cgroupOf(context, live.record));
  phase.paused = false;
  context.store.save(record);
  publish(context, record, 'unpause');
}

/** The running phase, or Docker's answer to whoever needs one. */
export function requireRunning(record: ContainerRecord, verb?: string) {
  if (record.phase.kind === 'running') return record.phase;
  if (record.phase.kind === 'restarting') {
    throw conflict(`Container ${record.id} is restarting, wait until the container is running`);
  }
  throw conflict(
    verb ? `cannot ${verb} container ${record.id}: it is not running` : `container ${record.id} is not running`,
  );
}
