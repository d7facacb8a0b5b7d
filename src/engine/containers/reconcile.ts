// A daemon starts. What its predecessor left is compared with what is stored: containers that run are taken over as they
// are, ends that nobody noticed are settled now, half-made and half-removed ones are finished.
import { readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { ProcessHandle } from '../../kernel/process.ts';
import { errnoOf, messageOf } from '../../lib/errors.ts';
import type { ContainerId } from '../../lib/ids.ts';
import { log } from '../../lib/logger.ts';
import { setFrozen } from '../../runtime/cgroups/control.ts';
import { containerPlace } from '../../runtime/cgroups/driver.ts';
import { startForgotten } from '../../runtime/oci-runtime.ts';
import { processStat } from '../../runtime/proc.ts';
import { cgroupOf, removeContainerCgroup } from './cgroup.ts';
import { type ContainerContext, pathsOf } from './context.ts';
import { adoptExecs } from './exec.ts';
import { startHealthMonitor } from './health.ts';
import { imageMountKeys } from './image-mounts.ts';
import { cleanUpProcess, handleExit, restartNow, settleExit } from './lifecycle.ts';
import type { LiveContainer } from './live.ts';
import { containersDataRoot, containersExecRoot } from './paths.ts';
import type { ContainerRecord } from './record.ts';
import { removeLocked } from './remove.ts';
import { shouldStartWithDaemon } from './restart-policy.ts';
import { ociRuntime } from './runtimes.ts';
import { awaitExit, endStrays } from './strays.ts';
import { watchConmon } from './watchdog.ts';

/** What a container ends with when nobody can know its exit code. */
const unknownExit = () => ({ code: 255, time: new Date() });

export async function reconcileContainers(context: ContainerContext): Promise<void> {
  const { cgroupParent } = context.config;
  const running = new Set<ContainerId>();
  const ended: LiveContainer[] = [];
  for (const record of [...context.store.all()]) {
    const live = context.live(record);
    if (record.phase.kind === 'running') {
      // Stored by an engine that knew only one driver.
      record.cgroup ??= containerPlace('cgroupfs', record.id, record.hostConfig.CgroupParent || cgroupParent).path;
      if (takeOver(context, live)) {
        running.add(record.id);
        await finishStart(context, live);
        finishPause(context, live);
      } else {
        ended.push(live);
      }
    }
  }
  await endStrays(context);
  // Networks first: those that ended still hold addresses that the others may want back.
  await context.networks.reconcile(new Set([...running, ...ended.map(live => live.record.id)]));
  // Before any of those that run is seen to end: that takes its mounts back.
  await context.volumes.reconcile(running);
  context.exits.start();
  for (const live of ended) {
    using _ = await live.transition.lock();
    const exit = (await awaitExit(context, live.record)) ?? unknownExit();
    await settleExit(context, live, exit).catch(error => logUnsettled(live.record.id, error));
    // Its policy's turn comes when everything else is up, and in an order.
    live.cancelRestart();
  }
  for (const id of context.exits.waiting() as ContainerId[]) {
    await handleExit(context, id).catch(error => logUnsettled(id, error));
  }
  for (const record of [...context.store.all()]) {
    await finishHalfDone(context, context.live(record)).catch(error =>
      log.error('could not finish what an earlier daemon began', { container: record.id, error: messageOf(error) }),
    );
  }
  await context.snapshots.reconcile(
    new Set([...context.store.all()].flatMap(record => [record.id, ...imageMountKeys(record)])),
  );
  await removeStrangers(context);
}

/** One container's trouble must not keep the daemon from the others. */
function logUnsettled(id: ContainerId, error: unknown): void {
  log.error('could not settle an exit', { container: id, error: messageOf(error) });
}

/** True when the container's process is the one that is stored; then it is watched again. */
function takeOver(context: ContainerContext, live: LiveContainer): boolean {
  const { record } = live;
  const { phase } = record;
  if (phase.kind !== 'running') return false;
  if (context.exits.peek(record.id) !== undefined) return false;
  // Another process, or a thread of one, may have the number by now.
  const init = processStat(phase.pid);
  if (init?.startTicks !== phase.startTime) return false;
  // Dead, though nobody has asked for its exit code yet: nobody will, if its conmon is gone too.
  if (init.state === 'Z' || init.state === 'X') return false;
  const handle = ProcessHandle.open(phase.pid);
  if (!handle) return false;
  live.process = handle;
  live.watched = pathsOf(context, record).bundle;
  live.log.attach();
  adoptExecs(context, live);
  live.stopHealthMonitor = startHealthMonitor(context, live);
  watchConmon(context, live);
  return true;
}

/** It was stored as running, and the daemon ended before it had told the runtime. */
async function finishStart(context: ContainerContext, { record }: LiveContainer): Promise<void> {
  try {
    await startForgotten(ociRuntime(context, record), record.id);
  } catch (error) {
    log.error('could not tell whether a container was started', { container: record.id, error: messageOf(error) });
  }
}

/** A pause, its end or a commit was cut short: what counts is what was stored, for that is what somebody may have been told. */
function finishPause(context: ContainerContext, { record }: LiveContainer): void {
  if (record.phase.kind !== 'running') return;
  try {
    setFrozen(cgroupOf(context, record), record.phase.paused);
  } catch (error) {
    // It ends right now, or nothing can be paused on this host.
    log.debug('could not tell whether a container was frozen', { container: record.id, error: messageOf(error) });
  }
}

async function finishHalfDone(context: ContainerContext, live: LiveContainer): Promise<void> {
  const { record } = live;
  if (record.unfinished) {
    using _ = await live.transition.lock();
    await removeLocked(context, live, { volumes: true });
    return;
  }
  switch (record.phase.kind) {
    case 'removing':
    case 'dead': {
      using _ = await live.transition.lock();
      await removeLocked(context, live, { volumes: record.phase.volumes || record.hostConfig.AutoRemove === true });
      return;
    }
    case 'created':
    case 'exited':
    case 'restarting': {
      const leaves = record.phase.kind === 'exited' && record.hostConfig.AutoRemove === true;
      // A start or a clean-up that the old daemon did not finish leaves a bundle.
      const isCleanedUp = !exists(pathsOf(context, record).bundle);
      if (isCleanedUp && !leaves) return live.log.detach({ discard: false });
      using _ = await live.transition.lock();
      if (!isCleanedUp) await cleanUpProcess(context, live, 'unknown');
      if (leaves) await removeLocked(context, live, { volumes: true });
      return;
    }
    case 'running':
  }
}

function exists(directory: string): boolean {
  return list(directory) !== undefined;
}

function list(directory: string): string[] | undefined {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Directories of containers that have no record: a create or a removal was cut short. */
async function removeStrangers(context: ContainerContext): Promise<void> {
  for (const root of [containersDataRoot(context.config), containersExecRoot(context.config)]) {
    for (const id of list(root) ?? []) {
      if (context.store.get(id as ContainerId)) continue;
      removeContainerCgroup(context, id);
      await rm(`${root}/${id}`, { recursive: true, force: true });
    }
  }
}

/** The restart policy's part of a start: after everything else of the engine is up. */
export function startByPolicy(context: ContainerContext): void {
  const due = [...context.store.all()].filter(shouldStartWithDaemon);
  for (const record of due) {
    record.phase = { kind: 'restarting' };
    context.store.saveIfPossible(record);
  }
  const begin = (records: readonly ContainerRecord[]) =>
    Promise.all(records.map(record => restartNow(context, context.live(record))));
  // Those that live in another's namespaces need that one first.
  begin(due.filter(record => !leansOnAnother(record)))
    .then(() => begin(due.filter(leansOnAnother)))
    .catch(error => log.error('could not start all containers', { error: messageOf(error) }));
}

function leansOnAnother({ hostConfig }: ContainerRecord): boolean {
  return [hostConfig.NetworkMode, hostConfig.PidMode, hostConfig.IpcMode].some(mode => mode?.startsWith('container:'));
}
