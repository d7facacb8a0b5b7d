// A container's configuration as `inspect` shows it: every field, those too that nobody set.
import type { ContainerConfig, HostConfig, PortMap } from '../../wire/types.ts';

/** Docker's words for "not set", in its order. Lists are null then, which the types leave out. */
const unsetHostConfig: Readonly<Partial<Record<keyof HostConfig, unknown>>> = {
  Binds: null,
  ContainerIDFile: '',
  LogConfig: { Type: '', Config: {} },
  NetworkMode: 'default',
  PortBindings: {},
  RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
  AutoRemove: false,
  VolumeDriver: '',
  VolumesFrom: null,
  ConsoleSize: [0, 0],
  CapAdd: null,
  CapDrop: null,
  CgroupnsMode: '',
  Dns: null,
  DnsOptions: null,
  DnsSearch: null,
  ExtraHosts: null,
  GroupAdd: null,
  IpcMode: '',
  Cgroup: '',
  Links: null,
  OomScoreAdj: 0,
  PidMode: '',
  Privileged: false,
  PublishAllPorts: false,
  ReadonlyRootfs: false,
  SecurityOpt: null,
  UTSMode: '',
  UsernsMode: '',
  ShmSize: 0,
  Isolation: '',
  CpuShares: 0,
  Memory: 0,
  NanoCpus: 0,
  CgroupParent: '',
  BlkioWeight: 0,
  BlkioWeightDevice: null,
  BlkioDeviceReadBps: null,
  BlkioDeviceWriteBps: null,
  BlkioDeviceReadIOps: null,
  BlkioDeviceWriteIOps: null,
  CpuPeriod: 0,
  CpuQuota: 0,
  CpuRealtimePeriod: 0,
  CpuRealtimeRuntime: 0,
  CpusetCpus: '',
  CpusetMems: '',
  Devices: null,
  DeviceCgroupRules: null,
  DeviceRequests: null,
  MemoryReservation: 0,
  MemorySwap: 0,
  MemorySwappiness: null,
  OomKillDisable: null,
  PidsLimit: null,
  Ulimits: null,
  CpuCount: 0,
  CpuPercent: 0,
  IOMaximumIOps: 0,
  IOMaximumBandwidth: 0,
  MaskedPaths: null,
  ReadonlyPaths: null,
};

const unsetConfig: Readonly<Partial<Record<keyof ContainerConfig, unknown>>> = {
  Hostname: '',
  Domainname: '',
  User: '',
  AttachStdin: false,
  AttachStdout: false,
  AttachStderr: false,
  Tty: false,
  OpenStdin: false,
  StdinOnce: false,
  Env: null,
  Cmd: null,
  Image: '',
  Volumes: null,
  WorkingDir: '',
  Entrypoint: null,
  Labels: {},
};

/** Fields that are left out when they are empty. */
const onlyIfSet: ReadonlySet<string> = new Set([
  'Annotations',
  'StorageOpt',
  'Tmpfs',
  'Sysctls',
  'Mounts',
  'ExposedPorts',
  'OnBuild',
  'Shell',
  'StopSignal',
  'Healthcheck',
  'NetworkDisabled',
  'ArgsEscaped',
]);

/** Fields that are null when they are empty, whatever the client sent. */
const nullIfEmpty: ReadonlySet<string> = new Set(['Volumes']);

export function shownHostConfig(hostConfig: HostConfig): HostConfig {
  const { PortBindings = {} } = hostConfig;
  return { ...complete(unsetHostConfig, hostConfig), PortBindings: shownPorts(PortBindings) };
}

const shownPorts = (ports: PortMap): PortMap =>
  Object.fromEntries(
    Object.entries(ports).map(([port, bindings]) => [
      port,
      bindings?.map(({ HostIp = '', HostPort = '' }) => ({ HostIp, HostPort })) ?? null,
    ]),
  );

export const shownConfig = (config: ContainerConfig): ContainerConfig => complete(unsetConfig, config);

function complete<T extends object>(unset: Readonly<Record<string, unknown>>, config: T): T {
  const shown: Record<string, unknown> = { ...unset };
  for (const [name, value] of Object.entries(config)) {
    if (value === undefined || value === null) continue;
    if (isEmpty(value) && onlyIfSet.has(name)) continue;
    shown[name] = isEmpty(value) && nullIfEmpty.has(name) ? null : value;
  }
  return shown as T;
}

function isEmpty(value: unknown): boolean {
  return value === '' || value === false || (typeof value === 'object' && Object.keys(value ?? {}).length === 0);
}
