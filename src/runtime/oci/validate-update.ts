// `docker update`: which changes Docker lets through, and what a container's limits are afterwards.
import { conflict } from '../../lib/errors.ts';
import type { HostConfig, Resources } from '../../wire/types.ts';
import type { HostFacts } from '../cgroups/host.ts';
import { checkRestartPolicy } from './validate.ts';
import { type Settled, validateResources } from './validate-resources.ts';

export type ContainerUpdate = Resources & Pick<HostConfig, 'RestartPolicy'>;

export interface SettledUpdate extends Settled<HostConfig> {
  /** What changes: for `updateCgroup`. */
  change: Resources;
}

/** `current` is what the container `id` has; of that only what `update` names becomes different. */
export function validateUpdate(
  update: ContainerUpdate,
  current: HostConfig,
  host: HostFacts,
  id: string,
): SettledUpdate {
  checkRestartPolicy(update.RestartPolicy);
  const { value: change, warnings } = validateResources(update, host, { update: true });
  const refusal = refusalOf(change, update.RestartPolicy, current);
  if (refusal) throw conflict(`Cannot update container ${id}: ${refusal}`);
  const value: HostConfig = { ...current };
  for (const name of changeable) take(name, change, value);
  // Here 0 is no omission: it takes the limit away.
  if (typeof change.PidsLimit === 'number') value.PidsLimit = change.PidsLimit > 0 ? change.PidsLimit : null;
  if (update.RestartPolicy?.Name) value.RestartPolicy = update.RestartPolicy;
  return { value, warnings, change };
}

const changeable = [
  'BlkioWeight',
  'BlkioWeightDevice',
  'BlkioDeviceReadBps',
  'BlkioDeviceWriteBps',
  'BlkioDeviceReadIOps',
  'BlkioDeviceWriteIOps',
  'CpuShares',
  'NanoCpus',
  'CpuPeriod',
  'CpuQuota',
  'CpuRealtimePeriod',
  'CpuRealtimeRuntime',
  'CpusetCpus',
  'CpusetMems',
  'Memory',
  'MemorySwap',
  'MemoryReservation',
] as const satisfies readonly (keyof Resources)[];

/** 0, "" and null are how clients leave a field out. */
function take<K extends keyof Resources>(name: K, from: Resources, to: Resources): void {
  if (from[name]) to[name] = from[name];
}

function refusalOf(
  change: Resources,
  restartPolicy: HostConfig['RestartPolicy'],
  current: HostConfig,
): string | undefined {
  const { NanoCpus = 0, CpuPeriod = 0, CpuQuota = 0, Memory = 0, MemorySwap = 0 } = change;
  const had = (value: number | undefined) => (value ?? 0) > 0;
  if (NanoCpus > 0 && had(current.CpuPeriod)) {
    return 'Conflicting options: Nano CPUs cannot be updated as CPU Period has already been set';
  }
  if (NanoCpus > 0 && had(current.CpuQuota)) {
    return 'Conflicting options: Nano CPUs cannot be updated as CPU Quota has already been set';
  }
  if (CpuPeriod > 0 && had(current.NanoCpus)) {
    return 'Conflicting options: CPU Period cannot be updated as NanoCPUs has already been set';
  }
  if (CpuQuota > 0 && had(current.NanoCpus)) {
    return 'Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set';
  }
  if (Memory !== 0 && Memory > (current.MemorySwap ?? 0) && MemorySwap === 0) {
    return 'Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time';
  }
  if (MemorySwap > 0 && Memory === 0 && MemorySwap < (current.Memory ?? 0)) {
    return 'Minimum memoryswap limit should be larger than already set memory limit, update the memory at the same time';
  }
  if (current.AutoRemove && restartPolicy?.Name && restartPolicy.Name !== 'no') {
    return 'Restart policy cannot be updated because AutoRemove is enabled for the container';
  }
  return undefined;
}
