// The limits of a container: Docker's checks, in Docker's order, against what this kernel offers.
import { invalid } from '../../lib/errors.ts';
import type { Resources } from '../../wire/types.ts';
import type { HostFacts } from '../cgroups/host.ts';
import { parseRangeList } from './ranges.ts';

export interface Settled<T> {
  value: T;
  warnings: string[];
}

/** Below this a container does not even start. */
const MIN_MEMORY = 6 << 20;

/** Returns the resources without those that this kernel cannot limit, and a warning for each of these. */
export function validateResources<R extends Resources>(
  resources: R,
  host: HostFacts,
  options: { update?: boolean } = {},
): Settled<R> {
  const value: R = { ...resources };
  const warnings: string[] = [];
  checkMemory(value, host, warnings, options.update === true);
  checkPids(value, host, warnings);
  checkCpu(value, host, warnings);
  checkCpuset(value, host, warnings);
  checkBlockIo(value, host, warnings);
  return { value, warnings };
}

function checkMemory(value: Resources, { limits }: HostFacts, warnings: string[], update: boolean): void {
  if (value.MemorySwappiness === -1) value.MemorySwappiness = undefined;
  if (value.Memory && value.Memory < MIN_MEMORY) throw invalid('Minimum memory limit allowed is 6MB');
  if (value.Memory && !limits.memory) {
    warnings.push(
      'Your kernel does not support memory limit capabilities or the cgroup is not mounted. Limitation discarded.',
    );
    value.Memory = 0;
    value.MemorySwap = -1;
  }
  if (value.Memory && value.MemorySwap !== -1 && !limits.swap) {
    warnings.push(
      'Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap.',
    );
    value.MemorySwap = -1;
  }
  const { Memory = 0, MemorySwap = 0 } = value;
  if (Memory > 0 && MemorySwap > 0 && MemorySwap < Memory) {
    throw invalid('Minimum memoryswap limit should be larger than memory limit, see usage');
  }
  if (Memory === 0 && MemorySwap > 0 && !update) {
    throw invalid('You should always set the Memory limit when using Memoryswap limit, see usage');
  }
  if (typeof value.MemorySwappiness === 'number') {
    if (!limits.swappiness) {
      warnings.push(
        'Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. Memory swappiness discarded.',
      );
      value.MemorySwappiness = undefined;
    } else if (value.MemorySwappiness < 0 || value.MemorySwappiness > 100) {
      throw invalid(`Invalid value: ${value.MemorySwappiness}, valid memory swappiness range is 0-100`);
    }
  }
  checkReservation(value, limits.memoryReservation, warnings);
  if (value.OomKillDisable && !limits.oomKillDisable) {
    warnings.push('Your kernel does not support OomKillDisable. OomKillDisable discarded.');
    value.OomKillDisable = undefined;
  }
  if (value.OomKillDisable && Memory === 0) {
    warnings.push(
      'OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.',
    );
  }
}

function checkReservation(value: Resources, supported: boolean, warnings: string[]): void {
  if ((value.MemoryReservation ?? 0) > 0 && !supported) {
    warnings.push(
      'Your kernel does not support memory soft limit capabilities or the cgroup is not mounted. Limitation discarded.',
    );
    value.MemoryReservation = 0;
  }
  const { Memory = 0, MemoryReservation = 0 } = value;
  if (MemoryReservation > 0 && MemoryReservation < MIN_MEMORY) {
    throw invalid('Minimum memory reservation allowed is 6MB');
  }
  if (Memory > 0 && MemoryReservation > 0 && Memory < MemoryReservation) {
    throw invalid('Minimum memory limit can not be less than memory reservation limit, see usage');
  }
}

function checkPids(value: Resources, { limits }: HostFacts, warnings: string[]): void {
  if (typeof value.PidsLimit !== 'number' || limits.pids) return;
  if (value.PidsLimit > 0) {
    warnings.push(
      'Your kernel does not support PIDs limit capabilities or the cgroup is not mounted. PIDs limit discarded.',
    );
  }
  value.PidsLimit = null;
}

function checkCpu(value: Resources, { limits, cpus }: HostFacts, warnings: string[]): void {
  const { NanoCpus = 0, CpuPeriod = 0, CpuQuota = 0, CpuRealtimePeriod = 0, CpuRealtimeRuntime = 0 } = value;
  if ((CpuRealtimePeriod !== 0 || CpuRealtimeRuntime !== 0) && !limits.cpuRealtime) {
    throw invalid('kernel does not support CPU real-time scheduler');
  }
  if (CpuRealtimePeriod !== 0 && CpuRealtimeRuntime !== 0 && CpuRealtimeRuntime > CpuRealtimePeriod) {
    throw invalid('cpu real-time runtime cannot be higher than cpu real-time period');
  }
  if ((value.CpuShares ?? 0) < 0) {
    throw invalid(`invalid CPU shares (${value.CpuShares}): value must be a positive integer`);
  }
  if (NanoCpus > 0 && CpuPeriod > 0) {
    throw invalid('Conflicting options: Nano CPUs and CPU Period cannot both be set');
  }
  if (NanoCpus > 0 && CpuQuota > 0) throw invalid('Conflicting options: Nano CPUs and CPU Quota cannot both be set');
  if (NanoCpus > 0 && !limits.cpuCfs) {
    throw invalid(
      'NanoCPUs can not be set, as your kernel does not support CPU CFS scheduler or the cgroup is not mounted',
    );
  }
  if (NanoCpus < 0 || NanoCpus > cpus * 1e9) {
    throw invalid(`range of CPUs is from 0.01 to ${cpus}.00, as there are only ${cpus} CPUs available`);
  }
  if (value.CpuShares && !limits.cpuShares) {
    warnings.push('Your kernel does not support CPU shares or the cgroup is not mounted. Shares discarded.');
    value.CpuShares = 0;
  }
  if ((CpuPeriod !== 0 || CpuQuota !== 0) && !limits.cpuCfs) {
    warnings.push('Your kernel does not support CPU CFS scheduler. CPU period/quota discarded.');
    value.CpuPeriod = 0;
    value.CpuQuota = 0;
    return;
  }
  if (CpuPeriod !== 0 && (CpuPeriod < 1000 || CpuPeriod > 1_000_000)) {
    throw invalid('CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)');
  }
  if (CpuQuota > 0 && CpuQuota < 1000) throw invalid('CPU cfs quota can not be less than 1ms (i.e. 1000)');
  if (value.CpuPercent) {
    warnings.push('linux does not support CPU percent. Percent discarded.');
    value.CpuPercent = 0;
  }
}

function checkCpuset(value: Resources, { limits }: HostFacts, warnings: string[]): void {
  const { CpusetCpus = '', CpusetMems = '' } = value;
  if (CpusetCpus === '' && CpusetMems === '') return;
  if (!limits.cpuset) {
    warnings.push('Your kernel does not support cpuset or the cgroup is not mounted. Cpuset discarded.');
    value.CpusetCpus = '';
    value.CpusetMems = '';
    return;
  }
  if (!isWithin(CpusetCpus, limits.cpus, 'cpus')) {
    throw invalid(`Requested CPUs are not available - requested ${CpusetCpus}, available: ${limits.cpus}`);
  }
  if (!isWithin(CpusetMems, limits.mems, 'mems')) {
    throw invalid(`Requested memory nodes are not available - requested ${CpusetMems}, available: ${limits.mems}`);
  }
}

function isWithin(wanted: string, available: string, what: string): boolean {
  let numbers: Set<number>;
  try {
    numbers = parseRangeList(wanted);
  } catch (error) {
    throw invalid(
      `Invalid value ${wanted} for cpuset ${what}: ${error instanceof Error ? error.message : error}`,
      error,
    );
  }
  const all = parseRangeList(available);
  return [...numbers].every(number => all.has(number));
}

type Throttle = 'BlkioDeviceReadBps' | 'BlkioDeviceWriteBps' | 'BlkioDeviceReadIOps' | 'BlkioDeviceWriteIOps';

function checkBlockIo(value: Resources, { limits }: HostFacts, warnings: string[]): void {
  if (value.BlkioWeight && !limits.blkioWeight) {
    warnings.push('Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.');
    value.BlkioWeight = 0;
  }
  if (value.BlkioWeight && (value.BlkioWeight < 10 || value.BlkioWeight > 1000)) {
    throw invalid('Range of blkio weight is from 10 to 1000');
  }
  if (value.IOMaximumBandwidth) {
    throw invalid('invalid option: QoS maximum bandwidth configuration is not supported on linux');
  }
  if (value.IOMaximumIOps) throw invalid('invalid option: QoS maximum IOPs configuration is not supported on linux');
  if (value.BlkioWeightDevice?.length && !limits.blkioWeightDevice) {
    warnings.push(
      'Your kernel does not support Block I/O weight_device or the cgroup is not mounted. Weight-device discarded.',
    );
    value.BlkioWeightDevice = [];
  }
  const discard = (name: Throttle, supported: boolean, limit: string, short: string) => {
    if (supported || !value[name]?.length) return;
    warnings.push(
      `Your kernel does not support ${limit} or the cgroup is not mounted. Block I/O ${short} limit discarded.`,
    );
    value[name] = [];
  };
  discard('BlkioDeviceReadBps', limits.blkioReadBps, 'BPS Block I/O read limit', 'BPS read');
  discard('BlkioDeviceWriteBps', limits.blkioWriteBps, 'BPS Block I/O write limit', 'BPS write');
  discard('BlkioDeviceReadIOps', limits.blkioReadIops, 'IOPS Block read limit', 'IOPS read');
  discard('BlkioDeviceWriteIOps', limits.blkioWriteIops, 'IOPS Block write limit', 'IOPS write');
}
