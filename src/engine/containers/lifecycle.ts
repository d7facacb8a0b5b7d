// From start to exit and round again. A phase changes only while the container's transition lock is held; the record is
// stored before anybody hears of the change.
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { ProcessHandle } from '../../kernel/process.ts';
import { conflict, messageOf, notModified } from '../../lib/errors.ts';
import { log } from '../../lib/logger.ts';
import { untilItWorks } from '../../lib/until-it-works.ts';
import type { Watched } from '../../runtime/conmon.ts';
import type { Exit } from '../../runtime/exits.ts';
import { deleteCreated, deleteEnded, startCreated, startFailure } from '../../runtime/oci-runtime.ts';
import { processStartTime } from '../../runtime/proc.ts';
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
    await finishCleanUp(context, live);
    await live.log.prepare();
    const watched = await launchHolding(context, live);
    live.watched = paths.bundle;
    live.process = ProcessHandle.open(watched.pid);
    live.log.attach();
    if (live.io.isAwaited) await live.io.connect(paths.bundle);
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
  await cleanUpOrLater(context, live, 'unknown');
  context.exits.forget(record.id);
  // Without the reason: whoever asked for the start hears it in that answer, and would else show it twice.
  live.notify(['not-running', 'next-exit'], { statusCode: record.exitCode });
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
  await cleanUpOrLater(context, live, 'ended');
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

/** What is in its way, a want of descriptors say, may be gone in a moment; and nobody else would come back for the rest. */
async function cleanUpOrLater(context: ContainerContext, live: LiveContainer, end: 'ended' | 'unknown'): Promise<void> {
  const { record } = live;
  const failed = (error: unknown) => {
    live.unclean = true;
    log.warn('the clean-up after a container is not complete', { container: record.id, error: messageOf(error) });
  };
  try {
    await cleanUpProcess(context, live, end);
  } catch (error) {
    failed(error);
    void untilItWorks(async () => {
      using _ = await live.transition.lock();
      if (context.store.get(record.id) === record) await finishCleanUp(context, live);
    }, failed);
  }
}

/** The caller holds the lock, and nothing runs. */
export async function finishCleanUp(context: ContainerContext, live: LiveContainer): Promise<void> {
  if (!live.unclean) return;
  await cleanUpProcess(context, live, 'unknown');
  live.unclean = false;
}

/** The part of it that is no file of the engine's. `leaves`: it has ended, and its files are about to go. */
export async function takeDownProcess(
  context: ContainerContext,
  live: LiveContainer,
  end: 'ended' | 'leaves' | 'unknown',
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
    end === 'unknown'
      ? deleteCreated(ociRuntime(context, record), record.id, cgroupOf(context, record))
      : deleteEnded(ociRuntime(context, record), record.id, cgroupOf(context, record)),
    live.log.detach({ discard: end === 'leaves' }),
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
