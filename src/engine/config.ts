// What an engine is told at start-up. The daemon makes it from flags and daemon.json; tests make it by hand.
import type { CgroupDriver } from '../runtime/cgroups/driver.ts';
import type { Ulimit } from './ulimit.ts';

export interface RuntimeConfig {
  path: string;
  args: readonly string[];
}

export interface EngineConfig {
  /** Everything that must survive a reboot. */
  dataRoot: string;
  /** Everything that must not: sockets, bundles, mounts. */
  execRoot: string;
  labels: readonly string[];
  debug: boolean;
  experimental: boolean;
  /** Which builder clients are told to use, where somebody has decided: 2 is BuildKit. */
  builderVersion: '1' | '2' | undefined;
  logDriver: string;
  logOptions: Readonly<Record<string, string>>;
  defaultRuntime: string;
  runtimes: Readonly<Record<string, RuntimeConfig>>;
  /** Seconds; below 0 a stop waits for as long as it takes. */
  defaultStopTimeout: number;
  conmonPath: string | undefined;
  init: boolean;
  initPath: string | undefined;
  cgroupParent: string | undefined;
  /** As asked for. */
  cgroupDriver: CgroupDriver | undefined;
  defaultUlimits: Readonly<Record<string, Ulimit>>;
  defaultShmSize: number;
  defaultIpcMode: 'private' | 'shareable';
  defaultCgroupnsMode: 'private' | 'host' | undefined;
  /** Path of a profile, 'builtin' or 'unconfined'. */
  seccompProfile: string;
  noNewPrivileges: boolean;
  shutdownTimeout: number;
  insecureRegistries: readonly string[];
  registryMirrors: readonly string[];
  maxConcurrentDownloads: number;
  maxConcurrentUploads: number;
  maxDownloadAttempts: number;
  /** Which images must be signed by whom. A file that was not named may be missing. */
  trustPolicy: { file: string; named: boolean };
  /** A large layer that grows more is a bomb. */
  maxLayerRatio: number;
  proxies: { http: string; https: string; no: string };
  /** What `info` has to say about the ways the API is open. */
  apiWarnings?: readonly string[];
  network: NetworkConfig;
}

export interface NetworkConfig {
  /** Name of the default bridge; 'none' switches it off. */
  bridge: string | undefined;
  bip: string | undefined;
  bip6: string | undefined;
  fixedCidr: string | undefined;
  fixedCidr6: string | undefined;
  defaultGateway: string | undefined;
  defaultGateway6: string | undefined;
  mtu: number;
  icc: boolean;
  ipv6: boolean;
  ip: string;
  ipForward: boolean;
  ipForwardNoDrop: boolean;
  ipMasq: boolean;
  iptables: boolean;
  ip6tables: boolean;
  userlandProxy: boolean;
  /** Undefined: what the host has. */
  firewallBackend: 'nftables' | 'iptables' | undefined;
  allowDirectRouting: boolean;
  defaultAddressPools: readonly { base: string; size: number }[];
  defaultNetworkOptions: Readonly<Record<string, Readonly<Record<string, string>>>>;
  hostGatewayIps: readonly string[];
  dns: readonly string[];
  dnsOptions: readonly string[];
  dnsSearch: readonly string[];
}
