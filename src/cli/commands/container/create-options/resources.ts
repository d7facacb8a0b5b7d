// Flags that limit what a container may use.
import type { HostConfig, Resources, ThrottleDevice } from '../../../../wire/types.ts';
import { readBytes, readBytesOrUnlimited } from '../../../framework/flag-types.ts';
import type { FlagTable, FlagValues } from '../../../framework/flags.ts';

/** Those that `docker update` can change, too. */
export const updatableFlags = {
  'blkio-weight': { type: 'uint16', summary: 'Relative weight of block I/O (10 to 1000, 0: off)' },
  'cpu-period': { type: 'int64', summary: 'Period of the CPU scheduler in microseconds' },
  'cpu-quota': { type: 'int64', summary: 'CPU time per period in microseconds' },
  'cpu-rt-period': { type: 'int64', summary: 'Period of the real-time scheduler in microseconds' },
  'cpu-rt-runtime': { type: 'int64', summary: 'Real-time CPU time per period in microseconds' },
  'cpu-shares': { type: 'int64', short: 'c', summary: 'Relative weight of CPU time' },
  cpus: { type: 'decimal', summary: 'How many CPUs' },
  'cpuset-cpus': { type: 'string', summary: 'Which CPUs: 0-3 or 0,1' },
  'cpuset-mems': { type: 'string', summary: 'Which memory nodes: 0-3 or 0,1' },
  memory: { type: 'bytes', short: 'm', summary: 'Limit of memory' },
  'memory-reservation': { type: 'bytes', summary: 'Soft limit of memory' },
  'memory-swap': {
    type: 'bytes',
    parse: readBytesOrUnlimited,
    summary: 'Limit of memory and swap together (-1: none)',
  },
  'pids-limit': { type: 'int64', summary: 'How many processes (-1: no limit)' },
  'kernel-memory': {
    type: 'bytes',
    hidden: true,
    summary: 'Without effect',
    deprecated: 'and no longer supported by the kernel',
  },
} as const satisfies FlagTable;

export const resourceFlags = {
  ...updatableFlags,
  'blkio-weight-device': {
    type: 'list',
    parse: parseWeightDevice,
    summary: 'Weight of block I/O of a device, as <path>:<weight>',
  },
  'cgroup-parent': { type: 'string', summary: 'Cgroup to put the container in' },
  'cpu-count': { type: 'int64', hidden: true, windowsOnly: true, summary: 'How many CPUs (Windows only)' },
  'cpu-percent': { type: 'int64', hidden: true, windowsOnly: true, summary: 'Part of the CPU (Windows only)' },
  'device-read-bps': {
    type: 'list',
    parse: parseBytesRate,
    summary: 'Limit of reading from a device, as <path>:<bytes per second>',
  },
  'device-read-iops': {
    type: 'list',
    parse: parseOperationsRate,
    summary: 'Limit of reading from a device, as <path>:<operations per second>',
  },
  'device-write-bps': {
    type: 'list',
    parse: parseBytesRate,
    summary: 'Limit of writing to a device, as <path>:<bytes per second>',
  },
  'device-write-iops': {
    type: 'list',
    parse: parseOperationsRate,
    summary: 'Limit of writing to a device, as <path>:<operations per second>',
  },
  'io-maxbandwidth': {
    type: 'bytes',
    hidden: true,
    windowsOnly: true,
    summary: 'Limit of bandwidth of the system drive (Windows only)',
  },
  'io-maxiops': {
    type: 'uint64',
    hidden: true,
    windowsOnly: true,
    summary: 'Limit of operations of the system drive (Windows only)',
  },
  'memory-swappiness': { type: 'int64', default: -1, summary: 'Readiness to swap (0 to 100)' },
  'oom-kill-disable': { type: 'bool', summary: 'No out-of-memory kill' },
  'oom-score-adj': { type: 'int', summary: 'Preference of the out-of-memory killer (-1000 to 1000)' },
  'shm-size': { type: 'bytes', summary: 'Size of /dev/shm' },
  ulimit: { type: 'ulimit', parse: parseUlimit, summary: 'Limit of the process, as <name>=<soft>[:<hard>]' },
} as const satisfies FlagTable;

export type Ulimit = { Name: string; Soft: number; Hard: number };

const ulimitNames = [
  'core',
  'cpu',
  'data',
  'fsize',
  'locks',
  'memlock',
  'msgqueue',
  'nice',
  'nofile',
  'nproc',
  'rss',
  'rtprio',
  'rttime',
  'sigpending',
  'stack',
];

function parseUlimit(text: string): Ulimit {
  const equals = text.indexOf('=');
  if (equals < 0) throw new Error(`invalid ulimit argument: ${text}`);
  const name = text.slice(0, equals);
  const limits = text.slice(equals + 1).split(':');
  if (!ulimitNames.includes(name)) throw new Error(`invalid ulimit type: ${name}`);
  if (limits.length > 2)
    throw new Error(
      `too many limit value arguments - ${text.slice(equals + 1)}, can only have up to two, \`soft[:hard]\``,
    );
  const [soft, hard] = limits.map(limit => {
    if (!/^[+-]?\d+$/.test(limit)) throw new Error(`strconv.ParseInt: parsing "${limit}": invalid syntax`);
    return Number(limit);
  });
  const Soft = soft!;
  const Hard = hard ?? Soft;
  // -1 is unlimited, and nothing is above it.
  if (Hard !== -1 && (Soft === -1 || Soft > Hard)) {
    throw new Error(
      Soft === -1
        ? `ulimit soft limit must be less than or equal to hard limit: soft: -1 (unlimited), hard: ${Hard}`
        : `ulimit soft limit must be less than or equal to hard limit: ${Soft} > ${Hard}`,
    );
  }
  return { Name: name, Soft, Hard };
}

function splitDevice(text: string): [string, string] {
  const colon = text.indexOf(':');
  if (colon <= 0) throw new Error(`bad format: ${text}`);
  const path = text.slice(0, colon);
  if (!path.startsWith('/dev/')) throw new Error(`bad format for device path: ${text}`);
  return [path, text.slice(colon + 1)];
}

function parseWeightDevice(text: string): { Path: string; Weight: number } {
  const [Path, weight] = splitDevice(text);
  const Weight = Number(weight);
  if (!/^\d+$/.test(weight) || (Weight > 0 && Weight < 10) || Weight > 1000) {
    throw new Error(`invalid weight for device: ${text}`);
  }
  return { Path, Weight };
}

function parseBytesRate(text: string): ThrottleDevice {
  const [Path, rate] = splitDevice(text);
  try {
    return { Path, Rate: readBytes(rate) };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new Error(
      `invalid rate for device: ${text}. The correct format is <device-path>:<number>[<unit>]. Number must be a positive integer. Unit is optional and can be kb, mb, or gb`,
    );
  }
}

function parseOperationsRate(text: string): ThrottleDevice {
  const [Path, rate] = splitDevice(text);
  if (!/^\d+$/.test(rate)) {
    throw new Error(
      `invalid rate for device: ${text}. The correct format is <device-path>:<number>. Number must be a positive integer`,
    );
  }
  return { Path, Rate: Number(rate) };
}

/** What `docker update` sends. */
export function updatableResources(flags: FlagValues<typeof updatableFlags>): Resources {
  return {
    CpuShares: flags['cpu-shares'],
    Memory: flags.memory,
    NanoCpus: flags.cpus,
    BlkioWeight: flags['blkio-weight'],
    CpuPeriod: flags['cpu-period'],
    CpuQuota: flags['cpu-quota'],
    CpuRealtimePeriod: flags['cpu-rt-period'],
    CpuRealtimeRuntime: flags['cpu-rt-runtime'],
    CpusetCpus: flags['cpuset-cpus'],
    CpusetMems: flags['cpuset-mems'],
    MemoryReservation: flags['memory-reservation'],
    MemorySwap: flags['memory-swap'],
  };
}

export function resourceHostConfig(flags: FlagValues<typeof resourceFlags>): HostConfig {
  const swappiness = flags['memory-swappiness'];
  if (swappiness < -1 || swappiness > 100) {
    throw new Error(`invalid value: ${swappiness}. Valid memory swappiness range is 0-100`);
  }
  // The last limit of a name wins.
  const ulimits = new Map(flags.ulimit.map(ulimit => [ulimit.Name, ulimit] as const));
  return {
    ...updatableResources(flags),
    PidsLimit: flags['pids-limit'],
    CgroupParent: flags['cgroup-parent'],
    BlkioWeightDevice: flags['blkio-weight-device'],
    BlkioDeviceReadBps: flags['device-read-bps'],
    BlkioDeviceWriteBps: flags['device-write-bps'],
    BlkioDeviceReadIOps: flags['device-read-iops'],
    BlkioDeviceWriteIOps: flags['device-write-iops'],
    MemorySwappiness: swappiness,
    OomKillDisable: flags['oom-kill-disable'],
    OomScoreAdj: flags['oom-score-adj'],
    Ulimits: [...ulimits.values()].sort((a, b) => (a.Name < b.Name ? -1 : 1)),
    CpuCount: flags['cpu-count'],
    CpuPercent: flags['cpu-percent'],
    IOMaximumIOps: flags['io-maxiops'],
    IOMaximumBandwidth: flags['io-maxbandwidth'],
    ShmSize: flags['shm-size'],
  };
}
