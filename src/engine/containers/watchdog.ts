// conmon tells of every exit, unless conmon itself is killed: its own end is watched, too.
import { onProcessEnd } from '../../kernel/process.ts';
import { messageOf } from '../../lib/errors.ts';
import { log } from '../../lib/logger.ts';
import { killAll } from '../../runtime/cgroups/control.ts';
import { readProcess } from '../../runtime/proc.ts';
import { cgroupOf } from './cgroup.ts';
import { type ContainerContext, pathsOf } from './context.ts';
import { settleExit } from './lifecycle.ts';
import type { LiveContainer } from './live.ts';

/** For a container that has just been stored, or found, as running. */
export function watchConmon(context: ContainerContext, live: LiveContainer): void {
  const { phase } = live.record;
  if (phase.kind !== 'running') return;
  const { conmonPid } = phase;
  const ended = () => {
    settleUnwatched(context, live, conmonPid).catch(error =>
      log.error('could not settle the end of a container', { container: live.record.id, error: messageOf(error) }),
    );
  };
  if (isAtWork(context, live, conmonPid)) live.unwatchConmon = onProcessEnd(conmonPid, ended);
  else queueMicrotask(ended);
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
  if (!exit) {
    log.error('the conmon of a container is gone, the container is ended', { container: record.id });
    killAll(cgroupOf(context, record));
    record.error = 'conmon, which watched the container, was killed';
  }
  await settleExit(context, live, exit ?? { code: 137, time: new Date() });
}
