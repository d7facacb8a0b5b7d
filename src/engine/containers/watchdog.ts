// conmon tells of every exit, unless conmon itself is killed: its own end is watched, too.
import { onProcessEnd } from '../../kernel/process.ts';
import { messageOf } from '../../lib/errors.ts';
import { log } from '../../lib/logger.ts';
import { untilItWorks } from '../../lib/until-it-works.ts';
import { killAll } from '../../runtime/cgroups/control.ts';
import { readProcess } from '../../runtime/proc.ts';
import { cgroupOf } from './cgroup.ts';
import { type ContainerContext, pathsOf } from './context.ts';
import { settleExit } from './lifecycle.ts';
import type { LiveContainer } from './live.ts';

const LOOK_AGAIN_MS = 1000;

/** For a container that has just been stored, or found, as running. */
export function watchConmon(context: ContainerContext, live: LiveContainer): void {
  const { phase } = live.record;
  if (phase.kind !== 'running') return;
  const { conmonPid } = phase;
  const complain = (error: unknown) =>
    log.error('could not watch over a container', { container: live.record.id, error: messageOf(error) });
  const ended = () => void untilItWorks(() => settleUnwatched(context, live, conmonPid), complain);
  try {
    if (isAtWork(context, live, conmonPid)) live.unwatchConmon = onProcessEnd(conmonPid, ended);
    else queueMicrotask(ended);
  } catch (error) {
    // For want of a descriptor: the container runs all the same.
    complain(error);
    watchLater(context, live);
  }
}

function watchLater(context: ContainerContext, live: LiveContainer): void {
  const timer = setTimeout(() => watchConmon(context, live), LOOK_AGAIN_MS).unref();
  live.unwatchConmon = () => clearTimeout(timer);
}

/** Another process may have the number by now. */
function isAtWork(context: ContainerContext, { record }: LiveContainer, conmonPid: number): boolean {
  return readProcess(`/proc/${conmonPid}/cmdline`)?.includes(pathsOf(context, record).bundle) === true;
}

/** Without its conmon a container can neither be heard nor waited for: it ends, as it does in Docker without its shim. */
async function settleUnwatched(context: ContainerContext, live: LiveContainer, conmonPid: number): Promise<void> {
  using _ = await live.transition.lock();
  const { record } = live;
  if (record.phase.kind !== 'running' || record.phase.conmonPid !== conmonPid) return;
  const exit = context.exits.peek(record.id);
  // It is the watch that ended.
  if (!exit && isAtWork(context, live, conmonPid)) return watchLater(context, live);
  if (!exit) {
    log.error('the conmon of a container is gone, the container is ended', { container: record.id });
    killAll(cgroupOf(context, record));
    record.error = 'conmon, which watched the container, was killed';
  }
  await settleExit(context, live, exit ?? { code: 137, time: new Date() });
}
