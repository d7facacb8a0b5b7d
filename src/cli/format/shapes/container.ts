import { endpointSettings } from './endpoint.ts';
import { containerConfig, descriptor, driverData } from './image-config.ts';
import {
  embedded,
  mapOf,
  optional,
  pointerTo,
  renamed,
  type Shape,
  sliceOf,
  stringMap,
  strings,
  struct,
} from './shape.ts';

const healthResult = struct('container.HealthcheckResult', {
  Start: 'time',
  End: 'time',
  ExitCode: 'int',
  Output: 'string',
});

const health = struct('container.Health', {
  Status: 'string',
  FailingStreak: 'int',
  Log: sliceOf(pointerTo(healthResult)),
});

const state = struct('container.State', {
  Status: 'string',
  Running: 'bool',
  Paused: 'bool',
  Restarting: 'bool',
  OOMKilled: 'bool',
  Dead: 'bool',
  Pid: 'int',
  ExitCode: 'int',
  Error: 'string',
  StartedAt: 'string',
  FinishedAt: 'string',
  Health: optional(pointerTo(health)),
});

const portBinding = struct('nat.PortBinding', { HostIP: renamed('string', 'HostIp'), HostPort: 'string' });
const portMap: Shape = { map: sliceOf(portBinding), type: 'nat.PortMap', key: 'nat.Port' };

const weightDevice = struct('blkiodev.WeightDevice', { Path: 'string', Weight: 'int' });
const throttleDevices = sliceOf(pointerTo(struct('blkiodev.ThrottleDevice', { Path: 'string', Rate: 'int' })));

const resources = struct('container.Resources', {
  CPUShares: renamed('int', 'CpuShares'),
  Memory: 'int',
  NanoCPUs: renamed('int', 'NanoCpus'),
  CgroupParent: 'string',
  BlkioWeight: 'int',
  BlkioWeightDevice: sliceOf(pointerTo(weightDevice)),
  BlkioDeviceReadBps: throttleDevices,
  BlkioDeviceWriteBps: throttleDevices,
  BlkioDeviceReadIOps: throttleDevices,
  BlkioDeviceWriteIOps: throttleDevices,
  CPUPeriod: renamed('int', 'CpuPeriod'),
  CPUQuota: renamed('int', 'CpuQuota'),
  CPURealtimePeriod: renamed('int', 'CpuRealtimePeriod'),
  CPURealtimeRuntime: renamed('int', 'CpuRealtimeRuntime'),
  CpusetCpus: 'string',
  CpusetMems: 'string',
  Devices: sliceOf(
    struct('container.DeviceMapping', { PathOnHost: 'string', PathInContainer: 'string', CgroupPermissions: 'string' }),
  ),
  DeviceCgroupRules: strings,
  DeviceRequests: sliceOf(
    struct('container.DeviceRequest', {
      Driver: 'string',
      Count: 'int',
      DeviceIDs: strings,
      Capabilities: sliceOf(strings),
      Options: stringMap,
    }),
  ),
  KernelMemory: optional('int'),
  KernelMemoryTCP: optional('int'),
  MemoryReservation: 'int',
  MemorySwap: 'int',
  MemorySwappiness: pointerTo('int'),
  OomKillDisable: pointerTo('bool'),
  PidsLimit: pointerTo('int'),
  Ulimits: sliceOf(pointerTo(struct('units.Ulimit', { Name: 'string', Hard: 'int', Soft: 'int' }))),
  CPUCount: renamed('int', 'CpuCount'),
  CPUPercent: renamed('int', 'CpuPercent'),
  IOMaximumIOps: 'int',
  IOMaximumBandwidth: 'int',
});

const mount = struct('mount.Mount', {
  Type: optional('string'),
  Source: optional('string'),
  Target: optional('string'),
  ReadOnly: optional('bool'),
  Consistency: optional('string'),
  BindOptions: optional(
    pointerTo(
      struct('mount.BindOptions', {
        Propagation: optional('string'),
        NonRecursive: optional('bool'),
        CreateMountpoint: optional('bool'),
        ReadOnlyNonRecursive: optional('bool'),
        ReadOnlyForceRecursive: optional('bool'),
      }),
    ),
  ),
  VolumeOptions: optional(
    pointerTo(
      struct('mount.VolumeOptions', {
        NoCopy: optional('bool'),
        Labels: optional(stringMap),
        Subpath: optional('string'),
        DriverConfig: optional(
          pointerTo(struct('mount.Driver', { Name: optional('string'), Options: optional(stringMap) })),
        ),
      }),
    ),
  ),
  ImageOptions: optional(pointerTo(struct('mount.ImageOptions', { Subpath: optional('string') }))),
  TmpfsOptions: optional(
    pointerTo(
      struct('mount.TmpfsOptions', {
        SizeBytes: optional('int'),
        Mode: optional('int'),
        Options: optional(sliceOf(strings)),
      }),
    ),
  ),
  ClusterOptions: optional(pointerTo(struct('mount.ClusterOptions', {}))),
});

const hostConfig = struct('container.HostConfig', {
  Binds: strings,
  ContainerIDFile: 'string',
  LogConfig: struct('container.LogConfig', { Type: 'string', Config: stringMap }),
  NetworkMode: 'string',
  PortBindings: portMap,
  RestartPolicy: struct('container.RestartPolicy', { Name: 'string', MaximumRetryCount: 'int' }),
  AutoRemove: 'bool',
  VolumeDriver: 'string',
  VolumesFrom: strings,
  ConsoleSize: { slice: 'int', type: '[2]uint', length: 2 },
  Annotations: optional(stringMap),
  CapAdd: strings,
  CapDrop: strings,
  CgroupnsMode: 'string',
  DNS: renamed(strings, 'Dns'),
  DNSOptions: renamed(strings, 'DnsOptions'),
  DNSSearch: renamed(strings, 'DnsSearch'),
  ExtraHosts: strings,
  GroupAdd: strings,
  IpcMode: 'string',
  Cgroup: 'string',
  Links: strings,
  OomScoreAdj: 'int',
  PidMode: 'string',
  Privileged: 'bool',
  PublishAllPorts: 'bool',
  ReadonlyRootfs: 'bool',
  SecurityOpt: strings,
  StorageOpt: optional(stringMap),
  Tmpfs: optional(stringMap),
  UTSMode: 'string',
  UsernsMode: 'string',
  ShmSize: 'int',
  Sysctls: optional(stringMap),
  Runtime: optional('string'),
  Isolation: 'string',
  Resources: embedded(resources),
  Mounts: optional(sliceOf(mount)),
  MaskedPaths: strings,
  ReadonlyPaths: strings,
  Init: optional(pointerTo('bool')),
});

const base = struct('container.ContainerJSONBase', {
  ID: renamed('string', 'Id'),
  Created: 'string',
  Path: 'string',
  Args: strings,
  State: pointerTo(state),
  Image: 'string',
  ResolvConfPath: 'string',
  HostnamePath: 'string',
  HostsPath: 'string',
  LogPath: 'string',
  Name: 'string',
  RestartCount: 'int',
  Driver: 'string',
  Platform: 'string',
  MountLabel: 'string',
  ProcessLabel: 'string',
  AppArmorProfile: 'string',
  ExecIDs: strings,
  HostConfig: pointerTo(hostConfig),
  GraphDriver: driverData,
  SizeRw: optional(pointerTo('int')),
  SizeRootFs: optional(pointerTo('int')),
});

const mountPoint = struct('container.MountPoint', {
  Type: optional('string'),
  Name: optional('string'),
  Source: 'string',
  Destination: 'string',
  Driver: optional('string'),
  Mode: 'string',
  RW: 'bool',
  Propagation: 'string',
});

const address = struct('network.Address', { Addr: 'string', PrefixLen: 'int' });

const networkSettings = struct('container.NetworkSettings', {
  NetworkSettingsBase: embedded(
    struct('container.NetworkSettingsBase', {
      Bridge: 'string',
      SandboxID: 'string',
      SandboxKey: 'string',
      Ports: portMap,
      HairpinMode: 'bool',
      LinkLocalIPv6Address: 'string',
      LinkLocalIPv6PrefixLen: 'int',
      SecondaryIPAddresses: sliceOf(address),
      SecondaryIPv6Addresses: sliceOf(address),
    }),
  ),
  DefaultNetworkSettings: embedded(
    struct('container.DefaultNetworkSettings', {
      EndpointID: 'string',
      Gateway: 'string',
      GlobalIPv6Address: 'string',
      GlobalIPv6PrefixLen: 'int',
      IPAddress: 'string',
      IPPrefixLen: 'int',
      IPv6Gateway: 'string',
      MacAddress: 'string',
    }),
  ),
  Networks: mapOf(pointerTo(endpointSettings)),
});

export const container: Shape = struct('container.InspectResponse', {
  ContainerJSONBase: embedded(pointerTo(base)),
  Mounts: sliceOf(mountPoint),
  Config: pointerTo(containerConfig),
  NetworkSettings: pointerTo(networkSettings),
  ImageManifestDescriptor: optional(pointerTo(descriptor)),
});
