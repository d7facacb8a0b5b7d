// Everything dockerd can be told, in one table: the flag, its key in daemon.json, its kind and default, and what it is for.
import { LOG_LEVELS } from '../lib/logger.ts';
import { addressPools, features, runtimes, ulimits } from './structured-values.ts';
import {
  boolean,
  bytes,
  cgroupDriverOption,
  choice,
  integer,
  ipAddress,
  ipAddresses,
  label,
  list,
  map,
  mapOfMaps,
  mirror,
  registryHost,
  searchDomain,
  text,
  type ValueType,
} from './value-types.ts';

export interface Option<Value> {
  readonly flag: string;
  readonly short?: string;
  /** Its key in daemon.json where that differs from the flag; null if it has none. */
  readonly key?: string | null;
  /** An older key for the same. */
  readonly oldKey?: string;
  readonly type: ValueType<Value>;
  readonly help: string;
  /** What is given by flags and in the file is put together. */
  readonly merged?: boolean;
  /** There is no flag for it. */
  readonly fileOnly?: boolean;
  /** Which values we can't do yet. */
  readonly unbuilt?: 'always' | ((value: Value) => boolean);
}

/** Keeps the value's type in the table. */
function option<Value>(
  flag: string,
  type: ValueType<Value>,
  help: string,
  more: Omit<Option<Value>, 'flag' | 'type' | 'help'> = {},
): Option<Value> {
  return { flag, type, help, ...more };
}

const notYet = { unbuilt: 'always' } as const;

/** What each of Docker's features may be set to. Images are always kept as containerd does; of CDI there is nothing to switch on. */
const KNOWN_FEATURES: Readonly<Record<string, readonly boolean[]>> = {
  'containerd-snapshotter': [true],
  buildkit: [true, false],
  cdi: [false],
};

export const options = {
  hosts: option('host', list(), 'Socket to listen on: unix://, tcp:// or fd:// (several are possible)', {
    short: 'H',
    key: 'hosts',
  }),
  group: option('group', text('docker'), 'Group that owns the unix socket', { short: 'G' }),
  configFile: option('config-file', text('/etc/docker/daemon.json'), 'File with further options', { key: null }),
  validate: option('validate', boolean(false), 'Check the options and end', { key: null }),
  dataRoot: option('data-root', text('/var/lib/docker'), 'Where images, containers and volumes are kept'),
  execRoot: option('exec-root', text('/var/run/docker'), 'Where the state of what runs is kept'),
  pidfile: option('pidfile', text('/var/run/docker.pid'), "File for the daemon's process id", { short: 'p' }),
  debug: option('debug', boolean(false), 'Log everything', { short: 'D' }),
  logLevel: option('log-level', choice('info', LOG_LEVELS), "How much the daemon's own log says", { short: 'l' }),
  logFormat: option('log-format', choice('text', ['text', 'json']), "Form of the daemon's own log"),
  rawLogs: option('raw-logs', boolean(false), 'Log without colours (it never has any)'),
  experimental: option('experimental', boolean(false), 'Switch experimental features on'),
  labels: option('label', list(label), 'Label of the engine: key=value', { key: 'labels' }),
  defaultStopTimeout: option('default-stop-timeout', integer(10), 'Seconds that a container gets to stop'),
  shutdownTimeout: option('shutdown-timeout', integer(15), 'Seconds that requests get to finish when the daemon ends'),

  tls: option('tls', boolean(false), 'Speak TLS on TCP'),
  tlsVerify: option('tlsverify', boolean(false), 'Speak TLS on TCP, with clients whose certificate the CA signed'),
  tlsCaCert: option('tlscacert', text(''), 'Certificate of the CA for clients'),
  tlsCert: option('tlscert', text(''), "The daemon's certificate"),
  tlsKey: option('tlskey', text(''), "The key of the daemon's certificate"),
  allowInsecureTcp: option(
    'allow-insecure-tcp',
    boolean(false),
    'Let anyone who reaches a TCP port be root here (no TLS)',
  ),

  defaultRuntime: option('default-runtime', text('crun'), 'OCI runtime for containers that name none'),
  runtimes: option('add-runtime', runtimes(), 'Another OCI runtime: name=path', { key: 'runtimes', merged: true }),
  conmonPath: option('conmon-path', text(''), 'The conmon to use; looked up on the PATH otherwise'),
  init: option('init', boolean(false), 'Run an init in every container that does not say otherwise'),
  initPath: option('init-path', text(''), 'Path of the init'),
  cgroupParent: option('cgroup-parent', text(''), 'Parent cgroup of all containers'),
  defaultUlimits: option('default-ulimit', ulimits(), 'Limit for containers: name=soft:hard', {
    key: 'default-ulimits',
  }),
  defaultShmSize: option('default-shm-size', bytes(64 * 1024 * 1024), 'Size of /dev/shm'),
  defaultIpcMode: option('default-ipc-mode', choice('private', ['private', 'shareable']), 'IPC mode of containers'),
  defaultCgroupnsMode: option(
    'default-cgroupns-mode',
    choice('', ['', 'private', 'host']),
    'Cgroup namespace of containers (private; host with cgroups version 1)',
  ),
  seccompProfile: option('seccomp-profile', text('builtin'), 'File with a seccomp profile, builtin, or unconfined'),
  noNewPrivileges: option('no-new-privileges', boolean(false), 'Processes of containers gain no privileges'),
  logDriver: option('log-driver', text('json-file'), 'What keeps the output of containers'),
  logOptions: option('log-opt', map(), 'Option of the log driver: key=value', { key: 'log-opts' }),
  liveRestore: option('live-restore', boolean(true), 'Containers run on without the daemon; they always do here', {
    unbuilt: on => !on,
  }),

  insecureRegistries: option('insecure-registry', list(registryHost), 'Registry, or network of some, without TLS', {
    key: 'insecure-registries',
  }),
  registryMirrors: option('registry-mirror', list(mirror), 'Mirror of the default registry', {
    key: 'registry-mirrors',
  }),
  maxConcurrentDownloads: option('max-concurrent-downloads', integer(3, 1), 'Layers pulled at a time'),
  maxConcurrentUploads: option('max-concurrent-uploads', integer(5, 1), 'Layers pushed at a time'),
  maxDownloadAttempts: option('max-download-attempts', integer(5, 1), 'How often a layer is tried'),
  maxLayerRatio: option(
    'max-layer-ratio',
    integer(200, 1),
    'How many times a layer of over 4 GB may be larger than its blob',
  ),
  httpProxy: option('http-proxy', text(''), 'Proxy for http://'),
  httpsProxy: option('https-proxy', text(''), 'Proxy for https://'),
  noProxy: option('no-proxy', text(''), 'Hosts that are reached without proxy'),
  trustPolicy: option('trust-policy', text(''), 'File that says which images must be signed by whom'),
  storageDriver: option(
    'storage-driver',
    choice('', ['', 'overlayfs', 'overlay2', 'btrfs', 'zfs', 'vfs', 'fuse-overlayfs']),
    'How layers are stacked (overlayfs)',
    {
      short: 's',
      unbuilt: driver => !['', 'overlayfs', 'overlay2'].includes(driver),
    },
  ),
  features: option('feature', features(), 'Feature to switch: name=true', {
    key: 'features',
    unbuilt: wanted => Object.entries(wanted).some(([name, on]) => KNOWN_FEATURES[name]?.includes(on) !== true),
  }),
  execOptions: option('exec-opt', list(cgroupDriverOption), 'native.cgroupdriver=systemd or cgroupfs', {
    key: 'exec-opts',
  }),

  bridge: option('bridge', text(''), 'The default bridge; none for no such network', { short: 'b' }),
  bip: option('bip', text(''), 'IPv4 address of the default bridge, with its prefix'),
  bip6: option('bip6', text(''), 'IPv6 address of the default bridge, with its prefix'),
  fixedCidr: option('fixed-cidr', text(''), 'IPv4 addresses for containers on the default bridge'),
  fixedCidr6: option('fixed-cidr-v6', text(''), 'IPv6 addresses for containers on the default bridge'),
  defaultGateway: option('default-gateway', ipAddress(), 'IPv4 gateway of containers on the default bridge'),
  defaultGateway6: option('default-gateway-v6', ipAddress(), 'IPv6 gateway of containers on the default bridge'),
  mtu: option('mtu', integer(1500, 0), 'MTU of the default bridge'),
  icc: option('icc', boolean(true), 'Containers on the default bridge reach each other'),
  ipv6: option('ipv6', boolean(false), 'IPv6 on the default bridge'),
  ip: option('ip', ipAddress(), 'Address on which ports are published'),
  ipForward: option('ip-forward', boolean(true), 'Switch forwarding on in the kernel'),
  ipForwardNoDrop: option(
    'ip-forward-no-drop',
    boolean(false),
    'Go on routing for others where forwarding is switched on',
  ),
  ipMasq: option('ip-masq', boolean(true), 'Masquerade what leaves the default bridge'),
  iptables: option('iptables', boolean(true), 'Make firewall rules for IPv4'),
  ip6tables: option('ip6tables', boolean(true), 'Make firewall rules for IPv6'),
  userlandProxy: option('userland-proxy', boolean(true), 'Proxy for published ports on the loopback'),
  allowDirectRouting: option('allow-direct-routing', boolean(false), "Others may reach containers' own addresses"),
  firewallBackend: option(
    'firewall-backend',
    choice('', ['', 'nftables', 'iptables']),
    'What the firewall rules are made with: nftables or iptables',
  ),
  defaultAddressPools: option('default-address-pool', addressPools(), 'Addresses for new networks: base=...,size=...', {
    key: 'default-address-pools',
  }),
  defaultNetworkOptions: option('default-network-opt', mapOfMaps(), 'Option of new networks: driver=key=value', {
    key: 'default-network-opts',
  }),
  hostGatewayIps: option('host-gateway-ip', ipAddresses(), 'What host-gateway means in --add-host', {
    key: 'host-gateway-ips',
    oldKey: 'host-gateway-ip',
  }),
  dns: option('dns', ipAddresses(), 'DNS server for containers'),
  dnsOptions: option('dns-opt', list(), 'DNS option for containers', { key: 'dns-opts' }),
  dnsSearch: option('dns-search', list(searchDomain), 'DNS search domain for containers'),

  // What Docker has and we do not have yet: known, so that nobody believes that it was heard.
  authorizationPlugins: option('authorization-plugin', list(), 'Authorization plugin', {
    key: 'authorization-plugins',
    ...notYet,
  }),
  bridgeAcceptFwmark: option('bridge-accept-fwmark', text(''), 'Let packets with this mark through', notYet),
  builder: option('builder', text(''), 'Settings of the builder', { fileOnly: true, ...notYet }),
  cdiSpecDirs: option('cdi-spec-dir', list(), 'Directory of CDI specifications', { key: 'cdi-spec-dirs', ...notYet }),
  containerd: option('containerd', text(''), 'Address of a containerd (none is used here)', notYet),
  containerdNamespace: option('containerd-namespace', text(''), 'Namespace in containerd', notYet),
  containerdPluginsNamespace: option('containerd-plugins-namespace', text(''), 'Namespace in containerd for plugins', {
    key: 'containerd-plugin-namespace',
    ...notYet,
  }),
  defaultInit: option('default-init', text(''), 'The init (see init-path)', { fileOnly: true, ...notYet }),
  resolvConf: option('resolv-conf', text(''), 'File to take the resolver settings from', { fileOnly: true, ...notYet }),
  oomScoreAdjust: option('oom-score-adjust', integer(0), "The daemon's own OOM score", {
    unbuilt: score => score !== 0,
  }),
  swarmHeartbeatTick: option('swarm-raft-heartbeat-tick', integer(0), "Ticks between a swarm's heartbeats", {
    fileOnly: true,
    ...notYet,
  }),
  swarmElectionTick: option('swarm-raft-election-tick', integer(0), "Ticks before a swarm's election", {
    fileOnly: true,
    ...notYet,
  }),
  cpuRtPeriod: option('cpu-rt-period', integer(0), 'Real-time period of the parent cgroup', notYet),
  cpuRtRuntime: option('cpu-rt-runtime', integer(0), 'Real-time runtime of the parent cgroup', notYet),
  criContainerd: option('cri-containerd', boolean(false), 'Start containerd with CRI', { unbuilt: on => on }),
  metricsAddress: option('metrics-addr', text(''), 'Where to serve metrics', { unbuilt: address => address !== '' }),
  minApiVersion: option('min-api-version', text('1.24'), 'Oldest API version to serve', {
    fileOnly: true,
    unbuilt: version => version !== '1.24',
  }),
  networkControlPlaneMtu: option('network-control-plane-mtu', integer(1500), "MTU of the swarm's control plane", {
    unbuilt: mtu => mtu !== 1500,
  }),
  networkDiagnosticPort: option('network-diagnostic-port', integer(0), 'Port for network diagnostics', {
    unbuilt: port => port !== 0,
  }),
  nodeGenericResources: option('node-generic-resource', list(), 'Resource to tell a swarm of', {
    key: 'node-generic-resources',
    ...notYet,
  }),
  nri: option('nri-opts', text(''), 'Node Resource Interface', notYet),
  rootless: option('rootless', boolean(false), 'Run without root', { unbuilt: on => on }),
  selinux: option('selinux-enabled', boolean(false), 'SELinux labels', { unbuilt: on => on }),
  storageOptions: option('storage-opt', list(), 'Option of the storage driver', {
    key: 'storage-opts',
    unbuilt: given => given.length > 0,
  }),
  swarmAddress: option('swarm-default-advertise-addr', text(''), 'Address to tell a swarm', {
    unbuilt: address => address !== '',
  }),
  userlandProxyPath: option(
    'userland-proxy-path',
    text(''),
    'The proxy for published ports (it is part of this program)',
    { unbuilt: path => path !== '' },
  ),
  usernsRemap: option('userns-remap', text(''), 'User namespaces', { unbuilt: user => user !== '' }),
} as const;

export type OptionName = keyof typeof options;
export type Settings = { -readonly [Name in OptionName]: (typeof options)[Name]['type']['absent'] };

/** The same table for those who need no types of values. */
export const optionTable = options as Readonly<Record<OptionName, Option<unknown>>>;
export const optionNames = Object.keys(options) as OptionName[];

export function keyOf({ key, flag }: Pick<Option<unknown>, 'key' | 'flag'>): string | undefined {
  return key === null ? undefined : (key ?? flag);
}
