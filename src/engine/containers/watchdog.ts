// conmon tells of every exit, unless conmon itself is killed. Now and then somebody looks whether it is still there.
import { existsSync } from 'node:fs';
import { messageOf } from '../../lib/errors.ts';
import { log } from '../../lib/logger.ts';
import { killAll } from '../../runtime/cgroups/control.ts';
import { cgroupOf } from './cgroup.ts';
import type { ContainerContext } from './context.ts';
import { settleExit } from './lifecycle.ts';
import type { LiveContainer } from './live.ts';

const INTERVAL = 5000;

/** Returns what ends it. */
export function startWatchdog(context: ContainerContext): () => void {
  const timer = setInterval(() => {
    for (const record of context.store.all()) {
      if (record.phase.kind !== 'running' || existsSync(`/proc/${record.phase.conmonPid}`)) continue;
      settleUnwatched(context, context.live(record)).catch(error =>
        log.error('could not settle the end of a container', { container: record.id, error: messageOf(error) }),
      );
    }
  }, INTERVAL);
  return () => clearInterval(timer);
}

/** Without its conmon a container can neither be heard nor waited for: it ends, as it does in Docker without its shim. */
async function settleUnwatched(context: ContainerContext, live: LiveContainer): Promise<void> {
  using _ = await live.transition.lock();
  const { record } = live;
  if (record.phase.kind !== 'running') return;
  const exit = context.exits.peek(record.id);
  if (!exit) {
    log.error('the conmon of a container is gone, the container is ended', { container: record.id });
    killAll(cgroupOf(context, record));
    record.error = 'conmon, which watched the container, was killed';
  }
  await settleExit(context, live, exit ?? { code: 137, time: new Date() });
}
