// Changing the limits of a cgroup that is in use. Written to the files directly: there is no runtime to wait for.
import { existsSync } from 'node:fs';
import { failed, messageOf } from '../../lib/errors.ts';
import type { Resources } from '../../wire/types.ts';
import { containerResources } from '../oci/resources.ts';
import type { OciBlockIo, OciCpu, OciMemory, OciThrottle } from '../oci/types.ts';
import { readNumber, readText, write } from './files.ts';
import type { Cgroup } from './hierarchy.ts';

/** `change` is what `docker update` named; all else stays. A file that refuses leaves the ones before it changed. */
export function updateCgroup(cgroup: Cgroup, change: Resources): void {
  const { memory, cpu, pids, blockIO } = containerResources(change);
  const swap = change.MemorySwap ? { swap: change.MemorySwap } : {};
  try {
    if (cgroup.version === 2) {
      updateCpuV2(cgroup, cpu ?? {});
      updateMemoryV2(cgroup, { ...memory, ...swap });
      updateBlockIoV2(cgroup, blockIO ?? {});
    } else {
      updateCpuV1(cgroup, cpu ?? {});
      updateMemoryV1(cgroup, { ...memory, ...swap });
      updateBlockIoV1(cgroup, blockIO ?? {});
    }
    updateCpuset(cgroup, cpu ?? {});
    if (pids) set(cgroup, 'pids', 'pids.max', orMax(pids.limit));
  } catch (error) {
    throw failed(`cannot change the limits of the container: ${messageOf(error)}`, error);
  }
}

function set(cgroup: Cgroup, controller: string, file: string, value: string | number | undefined): void {
  if (value === undefined) return;
  const directory = cgroup.directories[controller];
  if (directory === undefined) throw failed(`the cgroup controller ${controller} is not there`);
  write(`${directory}/${file}`, value);
}

const orMax = (limit: number) => (limit < 0 ? 'max' : limit);

function updateCpuset(cgroup: Cgroup, { cpus, mems }: OciCpu): void {
  set(cgroup, 'cpuset', 'cpuset.cpus', cpus);
  set(cgroup, 'cpuset', 'cpuset.mems', mems);
}

function updateCpuV1(cgroup: Cgroup, cpu: OciCpu): void {
  set(cgroup, 'cpu', 'cpu.shares', cpu.shares);
  set(cgroup, 'cpu', 'cpu.rt_period_us', cpu.realtimePeriod);
  set(cgroup, 'cpu', 'cpu.rt_runtime_us', cpu.realtimeRuntime);
  set(cgroup, 'cpu', 'cpu.cfs_period_us', cpu.period);
  set(cgroup, 'cpu', 'cpu.cfs_quota_us', cpu.quota);
}

/** Shares go from 2 to 262144 around 1024, weights from 1 to 10000 around 100. */
export function weightOfShares(shares: number): number {
  return 1 + Math.floor(((Math.max(shares, 2) - 2) * 9999) / 262142);
}

function updateCpuV2(cgroup: Cgroup, { shares, quota, period }: OciCpu): void {
  if (shares !== undefined) set(cgroup, 'cpu', 'cpu.weight', weightOfShares(shares));
  if (quota === undefined && period === undefined) return;
  const [oldQuota = 'max', oldPeriod = '100000'] =
    readText(`${cgroup.directories['cpu']}/cpu.max`)?.trim().split(' ') ?? [];
  set(cgroup, 'cpu', 'cpu.max', `${quota === undefined ? oldQuota : orMax(quota)} ${period ?? oldPeriod}`);
}

function updateMemoryV1(cgroup: Cgroup, { limit, swap, reservation }: OciMemory): void {
  const setLimit = () => set(cgroup, 'memory', 'memory.limit_in_bytes', limit);
  const setSwap = () => set(cgroup, 'memory', 'memory.memsw.limit_in_bytes', swap);
  // The kernel never lets memory alone be more than memory and swap together: what grows, grows outside first.
  const together = readNumber(`${cgroup.directories['memory']}/memory.memsw.limit_in_bytes`);
  const grows = swap !== undefined && (swap === -1 || (together !== undefined && swap > together));
  if (grows) {
    setSwap();
    setLimit();
  } else {
    setLimit();
    setSwap();
  }
  set(cgroup, 'memory', 'memory.soft_limit_in_bytes', reservation);
}

function updateMemoryV2(cgroup: Cgroup, { limit, swap, reservation }: OciMemory): void {
  const max = limit ?? readNumber(`${cgroup.directories['memory']}/memory.max`);
  if (swap === -1) set(cgroup, 'memory', 'memory.swap.max', 'max');
  // Docker counts memory and swap together, v2 swap alone.
  else if (swap !== undefined && max !== undefined && Number.isFinite(max)) {
    set(cgroup, 'memory', 'memory.swap.max', swap - max);
  }
  if (limit !== undefined) set(cgroup, 'memory', 'memory.max', orMax(limit));
  set(cgroup, 'memory', 'memory.low', reservation);
}

type ThrottleField = Exclude<keyof OciBlockIo, 'weight' | 'weightDevice'>;

const throttlesV1: Record<ThrottleField, string> = {
  throttleReadBpsDevice: 'blkio.throttle.read_bps_device',
  throttleWriteBpsDevice: 'blkio.throttle.write_bps_device',
  throttleReadIOPSDevice: 'blkio.throttle.read_iops_device',
  throttleWriteIOPSDevice: 'blkio.throttle.write_iops_device',
};

const throttlesV2: Record<ThrottleField, string> = {
  throttleReadBpsDevice: 'rbps',
  throttleWriteBpsDevice: 'wbps',
  throttleReadIOPSDevice: 'riops',
  throttleWriteIOPSDevice: 'wiops',
};

function eachThrottle(
  blockIo: OciBlockIo,
  names: Record<ThrottleField, string>,
  use: (name: string, limit: OciThrottle) => void,
) {
  for (const [field, name] of Object.entries(names)) {
    for (const limit of blockIo[field as ThrottleField] ?? []) use(name, limit);
  }
}

function updateBlockIoV1(cgroup: Cgroup, blockIo: OciBlockIo): void {
  const plain = existsSync(`${cgroup.directories['blkio']}/blkio.weight`) ? 'blkio' : 'blkio.bfq';
  set(cgroup, 'blkio', `${plain}.weight`, blockIo.weight);
  for (const { major, minor, weight } of blockIo.weightDevice ?? []) {
    set(cgroup, 'blkio', `${plain}.weight_device`, `${major}:${minor} ${weight}`);
  }
  eachThrottle(blockIo, throttlesV1, (file, { major, minor, rate }) =>
    set(cgroup, 'blkio', file, `${major}:${minor} ${rate}`),
  );
}

/** Docker's weights go from 10 to 1000, v2's from 1 to 10000. */
const ioWeight = (weight: number) => 1 + Math.floor(((weight - 10) * 9999) / 990);

function updateBlockIoV2(cgroup: Cgroup, blockIo: OciBlockIo): void {
  const bfq = existsSync(`${cgroup.directories['io']}/io.bfq.weight`);
  if (blockIo.weight !== undefined) {
    if (bfq) set(cgroup, 'io', 'io.bfq.weight', blockIo.weight);
    else set(cgroup, 'io', 'io.weight', ioWeight(blockIo.weight));
  }
  for (const { major, minor, weight } of blockIo.weightDevice ?? []) {
    if (bfq) set(cgroup, 'io', 'io.bfq.weight', `${major}:${minor} ${weight}`);
    else set(cgroup, 'io', 'io.weight', `${major}:${minor} ${ioWeight(weight)}`);
  }
  eachThrottle(blockIo, throttlesV2, (key, { major, minor, rate }) =>
    set(cgroup, 'io', 'io.max', `${major}:${minor} ${key}=${rate}`),
  );
}
