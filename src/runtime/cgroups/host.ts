// What this machine, and this engine on it, can give to containers. Found out once, when the engine starts.
import { existsSync, readFileSync } from 'node:fs';
import { arch, availableParallelism, release } from 'node:os';
import { type Capability, capabilitiesOfMask } from '../capabilities.ts';
import { readProcess } from '../proc.ts';
import { clampRlimit, parseRlimits, type Rlimit } from '../rlimits.ts';
import type { KernelVersion } from '../seccomp/profile.ts';
import { readText } from './files.ts';
import { type Hierarchy, prepareHierarchy } from './hierarchy.ts';

export interface HostFacts {
  /** As Go and image indexes name it: 'amd64', 'arm64'... */
  architecture: string;
  kernelRelease: string;
  kernel: KernelVersion;
  cpus: number;
  /** In bytes. */
  memory: number;
  /** What the engine itself holds; a container cannot get more. */
  capabilities: readonly Capability[];
  /** The engine's own limits by name ('nofile'); without CAP_SYS_RESOURCE nobody gets beyond the hard ones. */
  rlimits: Readonly<Record<string, Rlimit>>;
  /** How many files a process may have open that is not told otherwise. */
  openFiles: Rlimit;
  oomScoreAdj: number;
  seccomp: boolean;
  apparmor: boolean;
  selinux: boolean;
  cgroupNamespaces: boolean;
  /** Looked up at each use: the engine switches it on with its first network. */
  readonly ipv4Forwarding: boolean;
  cgroups: Hierarchy;
  limits: CgroupFeatures;
}

/** Which limits the kernel offers. Docker's names, as `info` has them. */
export interface CgroupFeatures {
  memory: boolean;
  swap: boolean;
  memoryReservation: boolean;
  oomKillDisable: boolean;
  swappiness: boolean;
  cpuShares: boolean;
  cpuCfs: boolean;
  cpuRealtime: boolean;
  cpuset: boolean;
  /** What a container may ask for: '0-3'. */
  cpus: string;
  mems: string;
  pids: boolean;
  devices: boolean;
  blkioWeight: boolean;
  blkioWeightDevice: boolean;
  blkioReadBps: boolean;
  blkioWriteBps: boolean;
  blkioReadIops: boolean;
  blkioWriteIops: boolean;
}

/** Also mounts what is missing of the cgroups, see `prepareHierarchy`. */
export function detectHost(): HostFacts {
  const cgroups = prepareHierarchy();
  const status = readFileSync('/proc/self/status', 'utf8');
  const kernelRelease = release();
  const rlimits = parseRlimits(readFileSync('/proc/self/limits', 'utf8'));
  return {
    architecture: goArchitecture(arch()),
    kernelRelease,
    kernel: parseKernelRelease(kernelRelease),
    cpus: availableParallelism(),
    memory: memoryTotal(readFileSync('/proc/meminfo', 'utf8')),
    capabilities: capabilitiesOfMask(/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'),
    rlimits,
    openFiles: openFilesAtStart(rlimits['nofile'] ?? { soft: -1, hard: -1 }),
    oomScoreAdj: Number(readText('/proc/self/oom_score_adj') ?? 0),
    seccomp: /^Seccomp:/m.test(status),
    apparmor: readText('/sys/module/apparmor/parameters/enabled')?.trim() === 'Y',
    selinux: existsSync('/sys/fs/selinux/enforce'),
    cgroupNamespaces: existsSync('/proc/self/ns/cgroup'),
    get ipv4Forwarding() {
      return readText('/proc/sys/net/ipv4/ip_forward')?.trim() === '1';
    },
    cgroups,
    limits: cgroupFeatures(cgroups),
  };
}

/** What the kernel and every init system give. */
const USUAL_OPEN_FILES = 1024;

/**
 * Bun raises its soft limit to the hard one as it starts, and programs that walk all possible files would suffer if
 * containers inherited that. They inherit what the engine was started with, which is what its parent has: but for an
 * init, which has limits of its own and sets those of others.
 */
function openFilesAtStart(own: Rlimit): Rlimit {
  const text = process.ppid > 1 ? readProcess(`/proc/${process.ppid}/limits`) : undefined;
  const parent = text === undefined ? undefined : parseRlimits(text)['nofile'];
  return parent?.hard === own.hard ? parent : clampRlimit({ soft: USUAL_OPEN_FILES, hard: own.hard }, own);
}

function goArchitecture(name: string): string {
  const names: Record<string, string> = { x64: 'amd64', ia32: '386', loong64: 'loong64' };
  return names[name] ?? name;
}

function parseKernelRelease(text: string): KernelVersion {
  const match = /^(\d+)\.(\d+)/.exec(text);
  return { version: Number(match?.[1] ?? 0), major: Number(match?.[2] ?? 0) };
}

function memoryTotal(meminfo: string): number {
  return Number(/^MemTotal:\s*(\d+) kB$/m.exec(meminfo)?.[1] ?? 0) * 1024;
}

function cgroupFeatures({ version, mounts }: Hierarchy): CgroupFeatures {
  if (version === 2) return featuresOfV2(mounts);
  const has = (controller: string, file: string) => {
    const mount = mounts[controller];
    return mount !== undefined && existsSync(`${mount}/${file}`);
  };
  const cpuset = mounts['cpuset'];
  return {
    memory: mounts['memory'] !== undefined,
    swap: has('memory', 'memory.memsw.limit_in_bytes'),
    memoryReservation: has('memory', 'memory.soft_limit_in_bytes'),
    oomKillDisable: has('memory', 'memory.oom_control'),
    swappiness: has('memory', 'memory.swappiness'),
    cpuShares: has('cpu', 'cpu.shares'),
    cpuCfs: has('cpu', 'cpu.cfs_quota_us'),
    cpuRealtime: has('cpu', 'cpu.rt_period_us'),
    cpuset: cpuset !== undefined,
    cpus: cpuset === undefined ? '' : (readText(`${cpuset}/cpuset.cpus`)?.trim() ?? ''),
    mems: cpuset === undefined ? '' : (readText(`${cpuset}/cpuset.mems`)?.trim() ?? ''),
    pids: mounts['pids'] !== undefined,
    devices: mounts['devices'] !== undefined,
    blkioWeight: has('blkio', 'blkio.weight') || has('blkio', 'blkio.bfq.weight'),
    blkioWeightDevice: has('blkio', 'blkio.weight_device') || has('blkio', 'blkio.bfq.weight_device'),
    blkioReadBps: has('blkio', 'blkio.throttle.read_bps_device'),
    blkioWriteBps: has('blkio', 'blkio.throttle.write_bps_device'),
    blkioReadIops: has('blkio', 'blkio.throttle.read_iops_device'),
    blkioWriteIops: has('blkio', 'blkio.throttle.write_iops_device'),
  };
}

function featuresOfV2(mounts: Readonly<Record<string, string>>): CgroupFeatures {
  const memory = mounts['memory'] !== undefined;
  const cpu = mounts['cpu'] !== undefined;
  const io = mounts['io'] !== undefined;
  const cpuset = mounts['cpuset'];
  return {
    memory,
    swap: memory && swapIsAccounted(mounts['memory']!),
    memoryReservation: memory,
    oomKillDisable: false,
    swappiness: false,
    cpuShares: cpu,
    cpuCfs: cpu,
    cpuRealtime: false,
    cpuset: cpuset !== undefined,
    cpus: cpuset === undefined ? '' : (readText(`${cpuset}/cpuset.cpus.effective`)?.trim() ?? ''),
    mems: cpuset === undefined ? '' : (readText(`${cpuset}/cpuset.mems.effective`)?.trim() ?? ''),
    pids: mounts['pids'] !== undefined,
    // Device rules are a BPF program there.
    devices: true,
    blkioWeight: io,
    blkioWeightDevice: io,
    blkioReadBps: io,
    blkioWriteBps: io,
    blkioReadIops: io,
    blkioWriteIops: io,
  };
}

/** The root has no limit files: the engine's own cgroup shows whether swap has one. */
function swapIsAccounted(root: string): boolean {
  const own = /^0::(.*)$/m.exec(readText('/proc/self/cgroup') ?? '')?.[1] ?? '/';
  if (own !== '/') return existsSync(`${root}${own}/memory.swap.max`);
  return existsSync('/proc/swaps');
}
