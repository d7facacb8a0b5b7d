// Docker's limits in the words of the OCI specification.
import { invalid } from '../../lib/errors.ts';
import type { Resources, ThrottleDevice } from '../../wire/types.ts';
import { diskNumbers } from './devices.ts';
import type { OciBlockIo, OciCpu, OciMemory, OciResources, OciThrottle } from './types.ts';

/** In microseconds; what --cpus is measured in. */
const CPU_PERIOD = 100_000;

/** All limits but the device rules. */
export function containerResources(resources: Resources): OciResources {
  const memory = memoryLimits(resources);
  const cpu = cpuLimits(resources);
  const pids = pidsLimit(resources);
  const blockIO = blockIoLimits(resources);
  return {
    ...(hasAny(memory) && { memory }),
    ...(hasAny(cpu) && { cpu }),
    ...(pids !== undefined && { pids: { limit: pids } }),
    ...(hasAny(blockIO) && { blockIO }),
  };
}

function hasAny(part: object): boolean {
  return Object.keys(part).length > 0;
}

function memoryLimits(resources: Resources): OciMemory {
  const { Memory = 0, MemoryReservation = 0, MemorySwap = 0, MemorySwappiness, OomKillDisable } = resources;
  // Swap without end has to be said to a kernel that counts memory and swap together.
  const swap = MemorySwap > 0 ? MemorySwap : MemorySwap === -1 && Memory > 0 ? -1 : undefined;
  return {
    ...(Memory > 0 && { limit: Memory }),
    ...(MemoryReservation > 0 && { reservation: MemoryReservation }),
    ...(swap !== undefined && { swap }),
    // -1 is how old clients say that they did not set it.
    ...(typeof MemorySwappiness === 'number' && MemorySwappiness !== -1 && { swappiness: MemorySwappiness }),
    ...(OomKillDisable === true && { disableOOMKiller: true }),
  };
}

function cpuLimits(resources: Resources): OciCpu {
  const { CpuShares = 0, NanoCpus = 0 } = resources;
  if (CpuShares < 0) throw invalid(`invalid CPU shares (${CpuShares}): value must be a positive integer`);
  const fromNano = NanoCpus > 0 ? { period: CPU_PERIOD, quota: Math.trunc((NanoCpus * CPU_PERIOD) / 1e9) } : {};
  return {
    ...(CpuShares > 0 && { shares: CpuShares }),
    ...fromNano,
    ...(resources.CpuPeriod && { period: resources.CpuPeriod }),
    ...(resources.CpuQuota && { quota: resources.CpuQuota }),
    ...(resources.CpuRealtimePeriod && { realtimePeriod: resources.CpuRealtimePeriod }),
    ...(resources.CpuRealtimeRuntime && { realtimeRuntime: resources.CpuRealtimeRuntime }),
    ...(resources.CpusetCpus && { cpus: resources.CpusetCpus }),
    ...(resources.CpusetMems && { mems: resources.CpusetMems }),
  };
}

function pidsLimit({ PidsLimit }: Resources): number | undefined {
  if (PidsLimit === undefined || PidsLimit === null) return undefined;
  return PidsLimit <= 0 ? -1 : PidsLimit;
}

function blockIoLimits(resources: Resources): OciBlockIo {
  const weights = (resources.BlkioWeightDevice ?? []).map(({ Path = '', Weight = 0 }) => ({
    ...diskNumbers(Path),
    weight: Weight,
  }));
  return {
    ...(resources.BlkioWeight && { weight: resources.BlkioWeight }),
    ...(weights.length > 0 && { weightDevice: weights }),
    ...throttle('throttleReadBpsDevice', resources.BlkioDeviceReadBps),
    ...throttle('throttleWriteBpsDevice', resources.BlkioDeviceWriteBps),
    ...throttle('throttleReadIOPSDevice', resources.BlkioDeviceReadIOps),
    ...throttle('throttleWriteIOPSDevice', resources.BlkioDeviceWriteIOps),
  };
}

function throttle(name: string, devices: readonly ThrottleDevice[] | null | undefined): Record<string, OciThrottle[]> {
  if (!devices || devices.length === 0) return {};
  return { [name]: devices.map(({ Path = '', Rate = 0 }) => ({ ...diskNumbers(Path), rate: Rate })) };
}
