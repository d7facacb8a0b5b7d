// `docker info`, `docker version`, `docker system df`.
import { hostname, machine } from 'node:os';
import { buildTime, gitCommit, productName, productVersion } from '../../lib/product.ts';
import type { CgroupDriver } from '../../runtime/cgroups/driver.ts';
import type { HostFacts } from '../../runtime/cgroups/host.ts';
import type { FirewallInfo, SystemInfo, SystemVersion } from '../../wire/types.ts';
import type { EngineConfig } from '../config.ts';
import { logDrivers } from '../logs/drivers.ts';
import { DiskUsageCounter } from './disk-usage.ts';
import { engineId } from './engine-id.ts';
import { fileSystemOf, openDescriptors, operatingSystem } from './host-system.ts';
import { programVersion } from './programs.ts';
import { registryConfig } from './registry-config.ts';
import type { ContainerUsage, DiskUsage, DiskUsageKind, ImageUsage, System, VolumeUsage } from './system.ts';
import { systemWarnings } from './warnings.ts';

export interface SystemSources {
  config: EngineConfig;
  host: HostFacts;
  cgroupDriver: CgroupDriver;
  events: { readonly listeners: number };
  containers: ContainerUsage;
  images: ImageUsage;
  volumes: VolumeUsage & { readonly drivers: readonly string[] };
  networkDrivers(): readonly string[];
  /** What guards the networks, or undefined without networks of our own. */
  firewall?: FirewallInfo;
  api: { newest: string; oldest: string };
}

const INDEX_SERVER = 'https://index.docker.io/v1/';
const NOT_AVAILABLE = 'N/A';

export class EngineSystem implements System {
  readonly #id: string;
  readonly #usage: DiskUsageCounter;

  constructor(private readonly sources: SystemSources) {
    this.#id = engineId(sources.config.dataRoot);
    this.#usage = new DiskUsageCounter(sources);
  }

  get id(): string {
    return this.#id;
  }

  get builderVersion(): string | undefined {
    return this.sources.config.builderVersion;
  }

  async info(): Promise<SystemInfo> {
    const { config, host, cgroupDriver, containers, images, events } = this.sources;
    const { limits } = host;
    const { running, paused, stopped } = containers.counts();
    const os = operatingSystem();
    const initBinary = config.initPath ?? 'docker-init';
    const [runtime, init] = await Promise.all([programVersion(this.#runtimePath()), programVersion(initBinary)]);
    return {
      ID: this.#id,
      Containers: running + paused + stopped,
      ContainersRunning: running,
      ContainersPaused: paused,
      ContainersStopped: stopped,
      Images: images.count(),
      Driver: 'overlayfs',
      DriverStatus: [['Backing Filesystem', fileSystemOf(config.dataRoot)]],
      Plugins: {
        Volume: [...this.sources.volumes.drivers],
        Network: [...this.sources.networkDrivers()],
        Authorization: [],
        Log: logDrivers.map(driver => driver.name),
      },
      MemoryLimit: limits.memory,
      SwapLimit: limits.swap,
      CpuCfsPeriod: limits.cpuCfs,
      CpuCfsQuota: limits.cpuCfs,
      CPUShares: limits.cpuShares,
      CPUSet: limits.cpuset,
      PidsLimit: limits.pids,
      OomKillDisable: limits.oomKillDisable,
      IPv4Forwarding: host.ipv4Forwarding,
      Debug: config.debug,
      NFd: openDescriptors(),
      // There are none: this engine is one event loop.
      NGoroutines: 0,
      SystemTime: new Date().toISOString(),
      LoggingDriver: config.logDriver,
      CgroupDriver: cgroupDriver,
      CgroupVersion: host.cgroups.version === 2 ? '2' : '1',
      NEventsListener: events.listeners,
      KernelVersion: host.kernelRelease,
      OperatingSystem: os.name,
      OSVersion: os.version,
      OSType: 'linux',
      Architecture: machine(),
      NCPU: host.cpus,
      MemTotal: host.memory,
      IndexServerAddress: INDEX_SERVER,
      RegistryConfig: registryConfig(config),
      GenericResources: [],
      DockerRootDir: config.dataRoot,
      HttpProxy: maskCredentials(config.proxies.http),
      HttpsProxy: maskCredentials(config.proxies.https),
      NoProxy: config.proxies.no,
      Name: hostname(),
      Labels: [...config.labels],
      ExperimentalBuild: config.experimental,
      ServerVersion: productVersion,
      Runtimes: Object.fromEntries(
        Object.entries(config.runtimes).map(([name, { path, args }]) => [
          name,
          args.length > 0 ? { path, runtimeArgs: [...args] } : { path },
        ]),
      ),
      DefaultRuntime: config.defaultRuntime,
      Swarm: {
        NodeID: '',
        NodeAddr: '',
        LocalNodeState: 'inactive',
        ControlAvailable: false,
        Error: '',
        RemoteManagers: null,
      },
      LiveRestoreEnabled: true,
      Isolation: '',
      InitBinary: initBinary,
      ContainerdCommit: { ID: '' },
      RuncCommit: { ID: runtime.commit || NOT_AVAILABLE },
      InitCommit: { ID: init.commit || NOT_AVAILABLE },
      SecurityOptions: this.#securityOptions(),
      DefaultAddressPools: config.network.defaultAddressPools.map(({ base, size }) => ({ Base: base, Size: size })),
      ...(this.sources.firewall === undefined ? {} : { FirewallBackend: this.sources.firewall }),
      CDISpecDirs: [],
      Warnings: systemWarnings(config, host),
    };
  }

  async version(): Promise<SystemVersion> {
    const { config, host, api } = this.sources;
    const initBinary = config.initPath ?? 'docker-init';
    const [runtime, conmon, init] = await Promise.all([
      programVersion(this.#runtimePath()),
      programVersion(config.conmonPath ?? 'conmon'),
      programVersion(initBinary),
    ]);
    const engine = {
      GitCommit: gitCommit,
      ApiVersion: api.newest,
      MinAPIVersion: api.oldest,
      GoVersion: `bun${Bun.version}`,
      Os: 'linux',
      Arch: host.architecture,
      BuildTime: buildTime,
      KernelVersion: host.kernelRelease,
    };
    const programs = [
      { Name: config.defaultRuntime, ...runtime },
      { Name: 'conmon', ...conmon },
      { Name: 'docker-init', ...init },
    ];
    return {
      Platform: { Name: productName },
      Version: productVersion,
      ...engine,
      Experimental: config.experimental,
      Components: [
        {
          Name: 'Engine',
          Version: productVersion,
          Details: { ...engine, Experimental: String(config.experimental) },
        },
        ...programs
          .filter(({ version }) => version !== '')
          .map(({ Name, version, commit }) => ({ Name, Version: version, Details: { GitCommit: commit } })),
      ],
    };
  }

  diskUsage(kinds: ReadonlySet<DiskUsageKind>): Promise<DiskUsage> {
    return this.#usage.count(kinds);
  }

  #runtimePath(): string {
    const { config } = this.sources;
    return config.runtimes[config.defaultRuntime]?.path ?? config.defaultRuntime;
  }

  #securityOptions(): string[] {
    const { config, host } = this.sources;
    const privateCgroups =
      (config.defaultCgroupnsMode ?? (host.cgroups.version === 2 ? 'private' : 'host')) === 'private';
    return [
      ...(host.apparmor ? ['name=apparmor'] : []),
      ...(host.seccomp ? [`name=seccomp,profile=${config.seccompProfile}`] : []),
      ...(host.cgroupNamespaces && privateCgroups ? ['name=cgroupns'] : []),
      ...(config.noNewPrivileges ? ['name=no-new-privileges'] : []),
    ];
  }
}

function maskCredentials(url: string): string {
  return url.replace(/^([a-z]+:\/\/)[^/@]+@/i, '$1xxxxx:xxxxx@');
}
