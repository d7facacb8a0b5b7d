// Freezing a container's processes, and letting them go on.
import { conflict } from '../../lib/errors.ts';
import { freeze, thaw } from '../../runtime/cgroups/control.ts';
import { cgroupOf } from './cgroup.ts';
import { type ContainerContext, publish } from './context.ts';
import type { LiveContainer } from './live.ts';
import { requireRunning } from './record.ts';

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
