// The end of a container: everything it had goes, the record last, so that a crash half-way is finished at the next start.
import { rm } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { conflict, failed, messageOf, notFound } from '../../lib/errors.ts';
import { log } from '../../lib/logger.ts';
import { type ContainerContext, pathsOf, publish } from './context.ts';
import { removeImageMounts } from './image-mounts.ts';
import { releaseMounts } from './launch.ts';
import { cleanUpProcess, finishCleanUp, takeDownProcess } from './lifecycle.ts';
import type { LiveContainer } from './live.ts';
import { type ContainerRecord, statusOf } from './record.ts';
import { kill } from './stop.ts';

export async function remove(
  context: ContainerContext,
  live: LiveContainer,
  options: { force: boolean; volumes: boolean },
): Promise<void> {
  const { record } = live;
  if (options.force) await end(context, live);
  using _ = await live.transition.lock();
  if (context.store.get(record.id) !== record) return;
  switch (record.phase.kind) {
    case 'running':
    case 'restarting': {
      const status = statusOf(record);
      const advice =
        status === 'paused'
          ? 'unpause the container before stopping'
          : 'stop the container before removing or force remove';
      throw conflict(`cannot remove container "/${record.name}": container is ${status}: ${advice}`);
    }
    case 'created':
    case 'exited':
    case 'removing':
    case 'dead':
  }
  await removeLocked(context, live, options);
}

/** A start that is under way comes first: what it makes is what is to end. */
async function end(context: ContainerContext, live: LiveContainer): Promise<void> {
  const { record } = live;
  await live.settled();
  if (record.phase.kind !== 'running' && record.phase.kind !== 'restarting') return;
  await kill(context, live).catch(error => {
    if (record.phase.kind === 'running') throw error;
  });
}

/** The caller holds the lock and nothing runs. */
export async function removeLocked(
  context: ContainerContext,
  live: LiveContainer,
  options: { volumes: boolean },
): Promise<void> {
  const { record } = live;
  live.cancelRestart();
  record.phase = { kind: 'removing', volumes: options.volumes };
  // Not stored on a full disk: going on is what makes room there.
  context.store.saveIfPossible(record);
  try {
    if (live.watched) await cleanUpProcess(context, live, 'unknown');
    await finishCleanUp(context, live);
    await live.log.close();
    await removeFiles(context, record);
    if (options.volumes) await removeAnonymousVolumes(context, record);
    // After the files: on a full disk only what they gave back leaves room to store this.
    await context.networks.forget(record.id);
    context.store.delete(record.id);
  } catch (error) {
    record.phase = { kind: 'dead', volumes: options.volumes };
    record.error = messageOf(error);
    context.store.saveIfPossible(record);
    live.notify(['removed', 'not-running', 'next-exit'], { statusCode: record.exitCode, error: record.error });
    throw failed(`could not remove container ${record.name}: ${record.error}`, error);
  }
  announceRemoval(context, live);
}

/**
 * A container that removes itself is gone as soon as no record names it. Its files go after that, when whoever waits has been
 * told; if this daemon is killed before, the next one finds files without a record. False if the records can't be changed: on a
 * full disk the files must go first.
 */
export async function removeEnded(context: ContainerContext, live: LiveContainer): Promise<boolean> {
  const { record } = live;
  const { phase } = record;
  try {
    await takeDownProcess(context, live, 'leaves');
    await releaseMounts(context, record);
    await live.log.close();
    // Not stored: if this daemon is killed from here on, the next one finds a container that ended and was to leave.
    record.phase = { kind: 'removing', volumes: true };
    await removeAnonymousVolumes(context, record);
    await context.networks.forget(record.id);
    context.store.delete(record.id);
  } catch (error) {
    log.warn('a container is removed the long way', { container: record.id, error: messageOf(error) });
    record.phase = phase;
    return false;
  }
  announceRemoval(context, live);
  context.later(setImmediate().then(() => removeFiles(context, record)));
  return true;
}

function announceRemoval(context: ContainerContext, live: LiveContainer): void {
  const { record } = live;
  context.forget(record.id);
  live.io.abort();
  publish(context, record, 'destroy');
  live.notify(['removed', 'not-running', 'next-exit'], { statusCode: record.exitCode });
}

async function removeFiles(context: ContainerContext, record: ContainerRecord): Promise<void> {
  const paths = pathsOf(context, record);
  await Promise.all([
    context.snapshots.remove(record.id),
    removeImageMounts(context, record),
    rm(paths.directory, { recursive: true, force: true }),
    rm(paths.bundle, { recursive: true, force: true }),
  ]);
}

/** While there is a record of it, in a phase that makes no claim to them: afterwards no start of the daemon would know whose they were. */
export async function removeAnonymousVolumes(context: ContainerContext, record: ContainerRecord): Promise<void> {
  for (const mount of record.mounts) {
    if (mount.Type !== 'volume' || !mount.Name || !mount.anonymous) continue;
    try {
      await context.volumes.remove(mount.Name, { force: true });
    } catch (error) {
      // Another container uses it too, or a plugin failed: the volume stays, the container is gone all the same.
      log.debug('an anonymous volume stays', { volume: mount.Name, error: messageOf(error) });
    }
  }
}

/** Only the link "/parent/alias" goes; both containers stay. */
export function removeLink(context: ContainerContext, reference: string): void {
  const name = reference.replace(/^\//, '');
  const slash = name.lastIndexOf('/');
  if (slash < 0) {
    context.store.require(name);
    throw conflict('cannot remove the default link name of the container');
  }
  const parent = context.store.require(name.slice(0, slash));
  const alias = name.slice(slash + 1);
  if (!context.networks.unlink(parent.id, alias)) throw notFound(`No such link: /${name}`);
  parent.hostConfig.Links = (parent.hostConfig.Links ?? []).filter(text => aliasOfLink(text) !== alias);
  context.store.save(parent);
}

const aliasOfLink = (text: string) => text.split(':').pop()?.split('/').pop();
