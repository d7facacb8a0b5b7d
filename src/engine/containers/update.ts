// docker update: new limits, for the process that runs and for all later ones.
import { conflict, invalid } from '../../lib/errors.ts';
import { updateResources } from '../../runtime/cgroups/update.ts';
import { validateHostConfig } from '../../runtime/oci/validate.ts';
import type { ContainerUpdateResponse, HostConfig, Resources, RestartPolicy } from '../../wire/types.ts';
import { cgroupOf } from './cgroup.ts';
import { type ContainerContext, publish } from './context.ts';
import type { LiveContainer } from './live.ts';

const updatable = [
  'BlkioWeight',
  'CpuShares',
  'CpuPeriod',
  'CpuQuota',
  'CpuRealtimePeriod',
  'CpuRealtimeRuntime',
  'CpusetCpus',
  'CpusetMems',
  'NanoCpus',
  'Memory',
  'MemorySwap',
  'MemoryReservation',
  'PidsLimit',
] as const;

export async function update(
  context: ContainerContext,
  live: LiveContainer,
  request: Resources & { RestartPolicy?: RestartPolicy },
): Promise<ContainerUpdateResponse> {
  using _ = await live.transition.lock();
  const { record } = live;
  if (record.phase.kind === 'removing' || record.phase.kind === 'dead') {
    throw conflict('container is marked for removal and cannot be "update"');
  }
  const policy = request.RestartPolicy?.Name ? request.RestartPolicy : undefined;
  if (policy && policy.Name !== 'no' && record.hostConfig.AutoRemove) {
    throw invalid('Restart policy cannot be updated because AutoRemove is enabled for the container');
  }
  const changed: Partial<HostConfig> = {};
  for (const key of updatable) {
    const value = request[key];
    if (value !== undefined && value !== null && value !== 0 && value !== '') Object.assign(changed, { [key]: value });
  }
  // The two ways of saying how much CPU time replace each other.
  if (changed.NanoCpus) Object.assign(changed, { CpuPeriod: 0, CpuQuota: 0 });
  else if (changed.CpuPeriod || changed.CpuQuota) changed.NanoCpus = 0;
  const next: HostConfig = { ...record.hostConfig, ...changed, ...(policy ? { RestartPolicy: policy } : {}) };
  if (
    changed.Memory &&
    !changed.MemorySwap &&
    (record.hostConfig.MemorySwap ?? 0) > 0 &&
    changed.Memory > record.hostConfig.MemorySwap!
  ) {
    throw conflict(
      'Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time',
    );
  }
  const warnings = validateHostConfig(next, record.config, context.host);
  if (record.phase.kind === 'running') updateResources(cgroupOf(context, record), changed, context.host);
  record.hostConfig = next;
  context.store.save(record);
  publish(context, record, 'update');
  return { Warnings: warnings };
}
