import {
  embedded,
  mapOf,
  optional,
  pointerTo,
  renamed,
  type Shape,
  type StructShape,
  sliceOf,
  stringMap,
  strings,
  struct,
} from './shape.ts';
import { clientVersionFields } from './version.ts';

const pairs = sliceOf({ slice: 'string', type: '[2]string', length: 2 });

const commit = struct('system.Commit', { ID: 'string', Expected: optional('string') });

const runtime = struct('system.RuntimeWithStatus', {
  Runtime: embedded(
    struct('system.Runtime', {
      Path: optional('string', 'path'),
      Args: optional(strings, 'runtimeArgs'),
      Type: optional('string', 'runtimeType'),
      Options: optional(mapOf('any'), 'options'),
    }),
  ),
  Status: optional(stringMap, 'status'),
});

const registryConfig: StructShape = {
  plainJson: true,
  ...struct('registry.ServiceConfig', {
    AllowNondistributableArtifactsCIDRs: optional(strings),
    AllowNondistributableArtifactsHostnames: optional(strings),
    InsecureRegistryCIDRs: strings,
    IndexConfigs: mapOf(
      pointerTo(struct('registry.IndexInfo', { Name: 'string', Mirrors: strings, Secure: 'bool', Official: 'bool' })),
    ),
    Mirrors: strings,
    ExtraFields: optional(mapOf('any')),
  }),
};

const swarm = struct('swarm.Info', {
  NodeID: 'string',
  NodeAddr: 'string',
  LocalNodeState: 'string',
  ControlAvailable: 'bool',
  Error: 'string',
  RemoteManagers: sliceOf(struct('swarm.Peer', { NodeID: 'string', Addr: 'string' })),
  Nodes: optional('int'),
  Managers: optional('int'),
  Cluster: optional(pointerTo('any')),
  Warnings: optional(strings),
});

const system = struct('system.Info', {
  ID: 'string',
  Containers: 'int',
  ContainersRunning: 'int',
  ContainersPaused: 'int',
  ContainersStopped: 'int',
  Images: 'int',
  Driver: 'string',
  DriverStatus: pairs,
  SystemStatus: optional(pairs),
  Plugins: struct('system.PluginsInfo', { Volume: strings, Network: strings, Authorization: strings, Log: strings }),
  MemoryLimit: 'bool',
  SwapLimit: 'bool',
  KernelMemory: optional('bool'),
  KernelMemoryTCP: optional('bool'),
  CPUCfsPeriod: renamed('bool', 'CpuCfsPeriod'),
  CPUCfsQuota: renamed('bool', 'CpuCfsQuota'),
  CPUShares: 'bool',
  CPUSet: 'bool',
  PidsLimit: 'bool',
  IPv4Forwarding: 'bool',
  Debug: 'bool',
  NFd: 'int',
  OomKillDisable: 'bool',
  NGoroutines: 'int',
  SystemTime: 'string',
  LoggingDriver: 'string',
  CgroupDriver: 'string',
  CgroupVersion: optional('string'),
  NEventsListener: 'int',
  KernelVersion: 'string',
  OperatingSystem: 'string',
  OSVersion: 'string',
  OSType: 'string',
  Architecture: 'string',
  IndexServerAddress: 'string',
  RegistryConfig: pointerTo(registryConfig),
  NCPU: 'int',
  MemTotal: 'int',
  GenericResources: { slice: 'any', type: '[]swarm.GenericResource' },
  DockerRootDir: 'string',
  HTTPProxy: renamed('string', 'HttpProxy'),
  HTTPSProxy: renamed('string', 'HttpsProxy'),
  NoProxy: 'string',
  Name: 'string',
  Labels: strings,
  ExperimentalBuild: 'bool',
  ServerVersion: 'string',
  Runtimes: mapOf(runtime),
  DefaultRuntime: 'string',
  Swarm: swarm,
  LiveRestoreEnabled: 'bool',
  Isolation: 'string',
  InitBinary: 'string',
  ContainerdCommit: commit,
  RuncCommit: commit,
  InitCommit: commit,
  SecurityOptions: strings,
  ProductLicense: optional('string'),
  DefaultAddressPools: optional(sliceOf(struct('system.NetworkAddressPool', { Base: 'string', Size: 'int' }))),
  FirewallBackend: optional(pointerTo(struct('system.FirewallInfo', { Driver: 'string', Info: optional(pairs) }))),
  CDISpecDirs: strings,
  DiscoveredDevices: optional(sliceOf(struct('system.DeviceInfo', { Source: 'string', ID: 'string' }))),
  Containerd: optional(
    pointerTo(
      struct('system.ContainerdInfo', {
        Address: optional('string'),
        Namespaces: struct('system.ContainerdNamespaces', { Containers: 'string', Plugins: 'string' }),
      }),
    ),
  ),
  Warnings: strings,
});

const clientInfo = struct('system.clientInfo', {
  Debug: 'bool',
  clientVersion: embedded(struct('system.clientVersion', clientVersionFields)),
  Plugins: { slice: 'any', type: '[]manager.Plugin' },
  Warnings: strings,
});

/** What `docker info` knows without the engine. */
export const sparseInfo: Shape = struct('system.sparseInfo', {
  ClientInfo: optional(pointerTo(clientInfo)),
  ClientErrors: optional(strings),
});

export const dockerInfo: Shape = struct('system.dockerInfo', {
  Info: embedded(pointerTo(system)),
  ServerErrors: optional(strings),
  UserName: optional('string'),
  ClientInfo: optional(pointerTo(clientInfo)),
  ClientErrors: optional(strings),
});
