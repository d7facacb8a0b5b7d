// For tests: a machine with everything, and the input of an ordinary container on it.
import { allCapabilities } from '../capabilities.ts';
import type { HostFacts } from '../cgroups/host.ts';
import type { SpecInput } from './spec.ts';

export const host: HostFacts = {
  architecture: 'amd64',
  kernelRelease: '6.1.0',
  kernel: { version: 6, major: 1 },
  cpus: 4,
  memory: 8 * 2 ** 30,
  capabilities: allCapabilities,
  rlimits: { nofile: { soft: 1024, hard: 20000 }, core: { soft: 0, hard: -1 } },
  openFiles: { soft: 1024, hard: 20000 },
  oomScoreAdj: 0,
  seccomp: true,
  apparmor: false,
  selinux: false,
  cgroupNamespaces: true,
  ipv4Forwarding: true,
  cgroups: { version: 2, mounts: {}, trees: ['/sys/fs/cgroup'], unified: '/sys/fs/cgroup' },
  limits: {
    memory: true,
    swap: true,
    memoryReservation: true,
    oomKillDisable: true,
    swappiness: true,
    cpuShares: true,
    cpuCfs: true,
    cpuRealtime: true,
    cpuset: true,
    cpus: '0-3',
    mems: '0',
    pids: true,
    devices: true,
    blkioWeight: true,
    blkioWeightDevice: true,
    blkioReadBps: true,
    blkioWriteBps: true,
    blkioReadIops: true,
    blkioWriteIops: true,
  },
};

export const unprivilegedHost: HostFacts = {
  ...host,
  capabilities: allCapabilities.filter(name => name !== 'CAP_SYS_RESOURCE'),
};

export function specInput(changes: Partial<SpecInput> = {}): SpecInput {
  const own = { kind: 'new' } as const;
  const shared = { kind: 'host' } as const;
  return {
    id: 'abc',
    rootfs: '/rootfs',
    args: ['true'],
    env: ['PATH=/bin'],
    cwd: '/',
    user: { uid: 0, gid: 0, additionalGids: [0] },
    config: {},
    hostConfig: { IpcMode: 'private', NetworkMode: 'none' },
    hostname: 'abc',
    domainname: '',
    mounts: [],
    namespaces: { network: own, pid: own, ipc: own, uts: own, cgroup: own, user: shared },
    cgroupsPath: '/docker/abc',
    host,
    defaults: {
      ulimits: {},
      shmSize: 64 << 20,
      noNewPrivileges: false,
      seccompProfile: 'builtin',
      init: false,
      initPath: '/usr/bin/tini',
    },
    ...changes,
  };
}
