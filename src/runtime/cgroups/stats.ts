// What a container uses, as `docker stats` and the API tell it.
import { readFileSync } from 'node:fs';
import type {
  ContainerBlkioStatEntry,
  ContainerBlkioStats,
  ContainerCPUStats,
  ContainerMemoryStats,
  ContainerNetworkStats,
  ContainerPidsStats,
} from '../../wire/types.ts';
import { readProcess } from '../proc.ts';
import { readNumber, readTable, readText } from './files.ts';
import type { Cgroup } from './hierarchy.ts';

export interface CgroupStats {
  cpu_stats: ContainerCPUStats;
  memory_stats: ContainerMemoryStats;
  blkio_stats: ContainerBlkioStats;
  pids_stats: ContainerPidsStats;
}

/** `machineMemory` is the limit of a container that has none. */
export function readStats(cgroup: Cgroup, machineMemory: number, procStat = '/proc/stat'): CgroupStats {
  const system = readSystemCpu(procStat);
  const parts = cgroup.version === 2 ? readV2(cgroup, machineMemory) : readV1(cgroup, machineMemory);
  return {
    ...parts,
    cpu_stats: { ...parts.cpu_stats, system_cpu_usage: system.nanoseconds, online_cpus: system.cpus },
    pids_stats: readPids(cgroup),
  };
}

const NANOSECONDS_PER_TICK = 1e9 / 100;

/** The whole machine's processor time, and how many processors are there. */
function readSystemCpu(file = '/proc/stat'): { nanoseconds: number; cpus: number } {
  let ticks = 0;
  let cpus = 0;
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (!line.startsWith('cpu')) break;
    if (line[3] !== ' ') {
      cpus++;
      continue;
    }
    // user, nice, system, idle, iowait, irq, softirq
    for (const word of line.trim().split(/\s+/).slice(1, 8)) ticks += Number(word);
  }
  return { nanoseconds: ticks * NANOSECONDS_PER_TICK, cpus };
}

function readPids(cgroup: Cgroup): ContainerPidsStats {
  const directory = cgroup.directories['pids'];
  if (directory === undefined) return {};
  const current = readNumber(`${directory}/pids.current`);
  if (current === undefined) return {};
  const limit = readNumber(`${directory}/pids.max`) ?? 0;
  // No limit is 0 with v1 and the largest number with v2.
  if (limit === Number.POSITIVE_INFINITY) return { current, limit: cgroup.version === 2 ? UNLIMITED : undefined };
  return { current, limit };
}

/** 2^64 - 1, but for what a JSON number cannot say: the largest that still fits in 64 bits. */
const UNLIMITED = 2 ** 64 - 2048;

const memoryKeysV1 = [
  'cache',
  'rss',
  'rss_huge',
  'mapped_file',
  'dirty',
  'writeback',
  'pgpgin',
  'pgpgout',
  'pgfault',
  'pgmajfault',
  'inactive_anon',
  'active_anon',
  'inactive_file',
  'active_file',
  'unevictable',
];

type Parts = Omit<CgroupStats, 'pids_stats'>;

function readV1(cgroup: Cgroup, machineMemory: number): Parts {
  const { cpuacct, cpu, memory, blkio } = cgroup.directories;
  const time = readTable(`${cpuacct}/cpuacct.stat`) ?? {};
  const throttling = readTable(`${cpu}/cpu.stat`) ?? {};
  const table = readTable(`${memory}/memory.stat`) ?? {};
  const stats: Record<string, number> = {};
  for (const key of memoryKeysV1) {
    stats[key] = table[key] ?? 0;
    stats[`total_${key}`] = table[`total_${key}`] ?? 0;
  }
  stats['hierarchical_memory_limit'] = table['hierarchical_memory_limit'] ?? 0;
  stats['hierarchical_memsw_limit'] = table['hierarchical_memsw_limit'] ?? 0;
  const perCpu = readText(`${cpuacct}/cpuacct.usage_percpu`)?.trim().split(/\s+/).map(Number);
  return {
    cpu_stats: {
      cpu_usage: {
        total_usage: readNumber(`${cpuacct}/cpuacct.usage`) ?? 0,
        percpu_usage: perCpu,
        usage_in_kernelmode: (time['system'] ?? 0) * NANOSECONDS_PER_TICK,
        usage_in_usermode: (time['user'] ?? 0) * NANOSECONDS_PER_TICK,
      },
      throttling_data: {
        periods: throttling['nr_periods'] ?? 0,
        throttled_periods: throttling['nr_throttled'] ?? 0,
        throttled_time: throttling['throttled_time'] ?? 0,
      },
    },
    memory_stats: {
      usage: readNumber(`${memory}/memory.usage_in_bytes`) ?? 0,
      max_usage: readNumber(`${memory}/memory.max_usage_in_bytes`) ?? 0,
      stats,
      ...failures(readNumber(`${memory}/memory.failcnt`)),
      limit: Math.min(readNumber(`${memory}/memory.limit_in_bytes`) ?? Number.POSITIVE_INFINITY, machineMemory),
    },
    blkio_stats: readBlockIoV1(blkio),
  };
}

/** Docker leaves a zero out. */
const failures = (count: number | undefined) => (count ? { failcnt: count } : {});

function readBlockIoV1(directory: string | undefined): ContainerBlkioStats {
  const read = (file: string) => (directory === undefined ? undefined : parseBlockIo(readText(`${directory}/${file}`)));
  const scheduler = read('blkio.io_serviced_recursive');
  if (scheduler) {
    return {
      io_service_bytes_recursive: read('blkio.io_service_bytes_recursive') ?? [],
      io_serviced_recursive: scheduler,
      io_queue_recursive: read('blkio.io_queued_recursive') ?? [],
      io_service_time_recursive: read('blkio.io_service_time_recursive') ?? [],
      io_wait_time_recursive: read('blkio.io_wait_time_recursive') ?? [],
      io_merged_recursive: read('blkio.io_merged_recursive') ?? [],
      io_time_recursive: read('blkio.time_recursive') ?? [],
      sectors_recursive: read('blkio.sectors_recursive') ?? [],
    };
  }
  return {
    io_service_bytes_recursive: read('blkio.throttle.io_service_bytes') ?? [],
    io_serviced_recursive: read('blkio.throttle.io_serviced') ?? [],
    io_queue_recursive: [],
    io_service_time_recursive: [],
    io_wait_time_recursive: [],
    io_merged_recursive: [],
    io_time_recursive: [],
    sectors_recursive: [],
  };
}

const noBlockIo = {
  io_serviced_recursive: null,
  io_queue_recursive: null,
  io_service_time_recursive: null,
  io_wait_time_recursive: null,
  io_merged_recursive: null,
  io_time_recursive: null,
  sectors_recursive: null,
};

/** Lines of `8:0 Read 4096`, or `8:0 4096`; the sum at the end has no device. */
function parseBlockIo(text: string | undefined): ContainerBlkioStatEntry[] | undefined {
  if (text === undefined) return undefined;
  const entries: ContainerBlkioStatEntry[] = [];
  for (const line of text.split('\n')) {
    const match = /^(\d+):(\d+)(?: (\w+))? (\d+)$/.exec(line);
    if (!match) continue;
    entries.push({
      major: Number(match[1]),
      minor: Number(match[2]),
      op: match[3] ?? '',
      value: Number(match[4]),
    });
  }
  return entries;
}

const memoryKeysV2 = [
  'anon',
  'file',
  'kernel_stack',
  'slab',
  'sock',
  'shmem',
  'file_mapped',
  'file_dirty',
  'file_writeback',
  'anon_thp',
  'inactive_anon',
  'active_anon',
  'inactive_file',
  'active_file',
  'unevictable',
  'slab_reclaimable',
  'slab_unreclaimable',
  'pgfault',
  'pgmajfault',
  'workingset_refault',
  'workingset_activate',
  'workingset_nodereclaim',
  'pgrefill',
  'pgscan',
  'pgsteal',
  'pgactivate',
  'pgdeactivate',
  'pglazyfree',
  'pglazyfreed',
  'thp_fault_alloc',
  'thp_collapse_alloc',
];

function readV2(cgroup: Cgroup, machineMemory: number): Parts {
  const directory = cgroup.all[0]!;
  const cpu = readTable(`${directory}/cpu.stat`) ?? {};
  const table = readTable(`${directory}/memory.stat`) ?? {};
  const events = readTable(`${directory}/memory.events`);
  const stats: Record<string, number> = {};
  for (const key of memoryKeysV2) stats[key] = table[key] ?? 0;
  return {
    cpu_stats: {
      cpu_usage: {
        total_usage: (cpu['usage_usec'] ?? 0) * 1000,
        usage_in_kernelmode: (cpu['system_usec'] ?? 0) * 1000,
        usage_in_usermode: (cpu['user_usec'] ?? 0) * 1000,
      },
      throttling_data: {
        periods: cpu['nr_periods'] ?? 0,
        throttled_periods: cpu['nr_throttled'] ?? 0,
        throttled_time: (cpu['throttled_usec'] ?? 0) * 1000,
      },
    },
    memory_stats: {
      usage: readNumber(`${directory}/memory.current`) ?? 0,
      stats,
      ...failures(events?.['oom']),
      limit: Math.min(readNumber(`${directory}/memory.max`) ?? Number.POSITIVE_INFINITY, machineMemory),
    },
    blkio_stats: { ...noBlockIo, io_service_bytes_recursive: readBlockIoV2(`${directory}/io.stat`) },
  };
}

/** Lines of `8:0 rbytes=1 wbytes=2 rios=3 ...`. */
function readBlockIoV2(file: string): ContainerBlkioStatEntry[] {
  const entries: ContainerBlkioStatEntry[] = [];
  for (const line of readText(file)?.split('\n') ?? []) {
    const device = /^(\d+):(\d+) /.exec(line);
    if (!device) continue;
    const [major, minor] = [Number(device[1]), Number(device[2])];
    const value = (key: string) => Number(new RegExp(` ${key}=(\\d+)`).exec(line)?.[1] ?? 0);
    entries.push({ major, minor, op: 'read', value: value('rbytes') });
    entries.push({ major, minor, op: 'write', value: value('wbytes') });
  }
  return entries;
}

/** The interfaces that a process sees, the loopback aside; undefined if it is gone. */
export function readNetworkStats(pid: number, proc = '/proc'): Record<string, ContainerNetworkStats> | undefined {
  const text = readProcess(`${proc}/${pid}/net/dev`);
  if (text === undefined) return undefined;
  const stats: Record<string, ContainerNetworkStats> = {};
  for (const line of text.split('\n').slice(2)) {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(colon, 0)).trim();
    if (colon < 0 || name === 'lo') continue;
    const [received, sent] = [0, 8];
    const numbers = line
      .slice(colon + 1)
      .trim()
      .split(/\s+/)
      .map(Number);
    stats[name] = {
      rx_bytes: numbers[received],
      rx_packets: numbers[received + 1],
      rx_errors: numbers[received + 2],
      rx_dropped: numbers[received + 3],
      tx_bytes: numbers[sent],
      tx_packets: numbers[sent + 1],
      tx_errors: numbers[sent + 2],
      tx_dropped: numbers[sent + 3],
    };
  }
  return stats;
}
