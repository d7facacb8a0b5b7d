// docker update: new limits, for the process that runs and for all later ones.
import { conflict } from '../../lib/errors.ts';
import { tellingSystemd } from '../../runtime/cgroups/scope.ts';
import { updateCgroup } from '../../runtime/cgroups/update.ts';
import { type ContainerUpdate, validateUpdate } from '../../runtime/oci/validate-update.ts';
import type { ContainerUpdateResponse } from '../../wire/types.ts';
import { cgroupOf } from './cgroup.ts';
import { type ContainerContext, publish } from './context.ts';
import type { LiveContainer } from './live.ts';

export async function update(
  context: ContainerContext,
  live: LiveContainer,
  request: ContainerUpdate,
): Promise<ContainerUpdateResponse> {
  using _ = await live.transition.lock();
  const { record } = live;
  if (record.phase.kind === 'removing' || record.phase.kind === 'dead') {
    throw conflict('container is marked for removal and cannot be "update"');
  }
  const { value, change, warnings } = validateUpdate(request, record.hostConfig, context.host, record.id);
  if (record.phase.kind === 'running') {
    const cgroup = cgroupOf(context, record);
    await tellingSystemd(cgroup, () => updateCgroup(cgroup, change));
  }
  record.hostConfig = value;
  context.store.save(record);
  publish(context, record, 'update');
  return { Warnings: warnings };
}
