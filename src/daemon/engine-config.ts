// From what the daemon was told to what the engine is told.
import type { EngineConfig, RuntimeConfig } from '../engine/config.ts';
import type { Settings } from './options.ts';
import { STOCK_RUNTIMES } from './settings.ts';

/** Looked for where no other is named. */
const TRUST_POLICY = '/etc/docker/trust-policy.json';

type Environment = Readonly<Record<string, string | undefined>>;

export interface Surroundings {
  dataRoot: string;
  execRoot: string;
  environment: Environment;
  apiWarnings: readonly string[];
}

export function engineConfig(settings: Settings, { environment, ...places }: Surroundings): EngineConfig {
  return {
    ...places,
    ...reloadable(settings),
    experimental: settings.experimental,
    logDriver: settings.logDriver,
    logOptions: settings.logOptions,
    defaultStopTimeout: settings.defaultStopTimeout,
    conmonPath: settings.conmonPath || undefined,
    init: settings.init,
    initPath: settings.initPath || undefined,
    cgroupParent: settings.cgroupParent || undefined,
    cgroupDriver: askedDriver(settings.execOptions),
    defaultUlimits: settings.defaultUlimits,
    defaultShmSize: settings.defaultShmSize,
    defaultIpcMode: settings.defaultIpcMode,
    defaultCgroupnsMode: settings.defaultCgroupnsMode || undefined,
    seccompProfile: settings.seccompProfile || 'builtin',
    noNewPrivileges: settings.noNewPrivileges,
    maxLayerRatio: settings.maxLayerRatio,
    trustPolicy: { file: settings.trustPolicy || TRUST_POLICY, named: settings.trustPolicy !== '' },
    proxies: {
      http: proxy(settings.httpProxy, environment, 'HTTP_PROXY'),
      https: proxy(settings.httpsProxy, environment, 'HTTPS_PROXY'),
      no: proxy(settings.noProxy, environment, 'NO_PROXY'),
    },
    network: {
      bridge: settings.bridge || undefined,
      bip: settings.bip || undefined,
      bip6: settings.bip6 || undefined,
      fixedCidr: settings.fixedCidr || undefined,
      fixedCidr6: settings.fixedCidr6 || undefined,
      defaultGateway: settings.defaultGateway || undefined,
      defaultGateway6: settings.defaultGateway6 || undefined,
      mtu: settings.mtu || 1500,
      icc: settings.icc,
      ipv6: settings.ipv6,
      ip: settings.ip || '0.0.0.0',
      ipForward: settings.ipForward,
      ipForwardNoDrop: settings.ipForwardNoDrop,
      ipMasq: settings.ipMasq,
      iptables: settings.iptables,
      ip6tables: settings.ip6tables,
      userlandProxy: settings.userlandProxy,
      firewallBackend: settings.firewallBackend || undefined,
      allowDirectRouting: settings.allowDirectRouting,
      defaultAddressPools: settings.defaultAddressPools,
      defaultNetworkOptions: settings.defaultNetworkOptions,
      hostGatewayIps: settings.hostGatewayIps,
      dns: settings.dns,
      dnsOptions: settings.dnsOptions,
      dnsSearch: settings.dnsSearch,
    },
  };
}

/** The last one counts, as in Docker. */
function askedDriver(options: readonly string[]): EngineConfig['cgroupDriver'] {
  const driver = options.at(-1)?.split('=')[1];
  return driver === 'systemd' || driver === 'cgroupfs' ? driver : undefined;
}

type Reloadable = Pick<
  EngineConfig,
  | 'debug'
  | 'labels'
  | 'defaultRuntime'
  | 'runtimes'
  | 'shutdownTimeout'
  | 'insecureRegistries'
  | 'registryMirrors'
  | 'maxConcurrentDownloads'
  | 'maxConcurrentUploads'
  | 'maxDownloadAttempts'
  | 'builderVersion'
>;

/** What SIGHUP changes in a running engine. */
export function reloadable(settings: Settings): Reloadable {
  return {
    debug: settings.debug,
    labels: settings.labels,
    defaultRuntime: settings.defaultRuntime,
    runtimes: { ...stockRuntimes(), ...settings.runtimes },
    shutdownTimeout: settings.shutdownTimeout,
    insecureRegistries: settings.insecureRegistries,
    registryMirrors: settings.registryMirrors,
    maxConcurrentDownloads: settings.maxConcurrentDownloads,
    maxConcurrentUploads: settings.maxConcurrentUploads,
    maxDownloadAttempts: settings.maxDownloadAttempts,
    builderVersion: builderVersion(settings.features['buildkit']),
  };
}

/** All that this feature does, in Docker, too: clients choose for themselves. */
const builderVersion = (buildkit: boolean | undefined) => (buildkit === undefined ? undefined : buildkit ? '2' : '1');

/** containerd's name for an ordinary container; scripts give it where Docker has it as another name of its default. */
const RUNC_SHIM = 'io.containerd.runc.v2';

/** crun is what we run on; others are offered when they are installed. */
function stockRuntimes(): Record<string, RuntimeConfig> {
  const there = STOCK_RUNTIMES.filter(name => name === 'crun' || Bun.which(name) !== null);
  const stock = Object.fromEntries(there.map(name => [name, { path: name, args: [] }]));
  return { ...stock, [RUNC_SHIM]: stock['runc'] ?? stock['crun']! };
}

function proxy(told: string, environment: Environment, name: string): string {
  return told || environment[name] || environment[name.toLowerCase()] || '';
}
