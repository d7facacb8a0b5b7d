// A container's config.json from what the user asked for, what the engine defaults to, and what this machine can give.
import { existsSync } from 'node:fs';
import { forbidden, invalid } from '../../lib/errors.ts';
import type { ContainerConfig, HostConfig } from '../../wire/types.ts';
import { apparmorProfile } from '../apparmor.ts';
import { type Capability, containerCapabilities } from '../capabilities.ts';
import type { HostFacts } from '../cgroups/host.ts';
import { checkRlimit, type Rlimit } from '../rlimits.ts';
import { defaultProfile } from '../seccomp/default-profile.ts';
import { FILTER_ANNOTATION, filterProgram } from '../seccomp/filter.ts';
import { compileProfile, parseProfile } from '../seccomp/profile.ts';
import { defaultMaskedPaths, defaultReadonlyPaths, OCI_VERSION } from './defaults.ts';
import { containerDevices } from './devices.ts';
import { grantedOomScore, grantedRlimits } from './grants.ts';
import { isPrivateMode } from './modes.ts';
import { containerMounts, INIT_IN_CONTAINER, rootPropagation } from './mounts.ts';
import { containerResources } from './resources.ts';
import { parseSecurityOptions, type SecurityOptions } from './security-options.ts';
import { checkSysctl } from './sysctls.ts';
import type {
  OciMount,
  OciNamespace,
  OciNamespaceType,
  OciProcess,
  OciRlimit,
  OciSeccomp,
  OciSpec,
  OciUser,
} from './types.ts';

export type NamespaceChoice = { kind: 'new' } | { kind: 'host' } | { kind: 'path'; path: string };

export interface Namespaces {
  network: NamespaceChoice;
  pid: NamespaceChoice;
  ipc: NamespaceChoice;
  uts: NamespaceChoice;
  cgroup: NamespaceChoice;
  user: NamespaceChoice;
}

export interface EngineDefaults {
  ulimits: Readonly<Record<string, Rlimit>>;
  shmSize: number;
  noNewPrivileges: boolean;
  /** JSON text of a profile, 'builtin' or 'unconfined'. */
  seccompProfile: string;
  /** The AppArmor profile of containers that name none; undefined where there is none. */
  apparmorProfile?: string;
  /** Whether a container that does not say gets an init. */
  init: boolean;
  /** The init program on the host. */
  initPath: string | undefined;
}

export interface SpecInput {
  id: string;
  /** The container's root on the host. */
  rootfs: string;
  args: readonly string[];
  env: readonly string[];
  cwd: string;
  user: OciUser;
  config: ContainerConfig;
  /** As `validateHostConfig` returned it: modes and sizes are settled. */
  hostConfig: HostConfig;
  hostname: string;
  domainname: string;
  /** Binds, volumes, tmpfs of --mount, /etc/hosts and its like: whatever is not in HostConfig.Tmpfs. */
  mounts: readonly OciMount[];
  /** A directory of the host to be /dev/shm: for ipc modes host, shareable and container. */
  sharedShm?: string;
  namespaces: Namespaces;
  cgroupsPath: string;
  /** The engine's own words to the runtime, beside the user's. */
  annotations?: Readonly<Record<string, string>>;
  host: HostFacts;
  defaults: EngineDefaults;
}

export interface BuiltSpec {
  spec: OciSpec;
  /** What was asked for and cannot be had here, beyond what `validateHostConfig` told the client already. */
  warnings: string[];
}

export function buildSpec(input: SpecInput): BuiltSpec {
  const { hostConfig, host, namespaces } = input;
  const warnings: string[] = [];
  const security = parseSecurityOptions(hostConfig.SecurityOpt ?? []);
  const capabilities = containerCapabilities(
    { add: hostConfig.CapAdd ?? [], drop: hostConfig.CapDrop ?? [], privileged: hostConfig.Privileged === true },
    host.capabilities,
  );
  const devices = containerDevices(hostConfig);
  warnings.push(...devices.warnings);
  const initPath = initProgram(input);
  const mounts = containerMounts({
    hostConfig,
    mounts: input.mounts,
    shmSize: hostConfig.ShmSize || input.defaults.shmSize,
    sharedShm: input.sharedShm,
    initPath,
    writableCgroups: security.writableCgroups,
  });
  const seccomp = seccompOf(input, security, capabilities, warnings);
  const sysctl = sysctlsOf(input);
  const propagation = rootPropagation(input.mounts);
  const { maskedPaths, readonlyPaths } = protectedPaths(hostConfig);
  const filter = seccomp && filterProgram(seccomp);
  const annotations = {
    ...input.annotations,
    ...hostConfig.Annotations,
    ...(filter !== undefined && { [FILTER_ANNOTATION]: filter }),
  };
  const spec: OciSpec = {
    ociVersion: OCI_VERSION,
    // Those who share the host's or another's name do not set it.
    ...(namespaces.uts.kind === 'new' && { hostname: input.hostname }),
    root: { path: input.rootfs, ...(hostConfig.ReadonlyRootfs && { readonly: true }) },
    process: containerProcess(input, security, capabilities, initPath),
    mounts,
    ...(hasAny(annotations) && { annotations }),
    linux: {
      namespaces: namespaceList(input),
      devices: devices.nodes,
      cgroupsPath: input.cgroupsPath,
      resources: { ...containerResources(hostConfig), devices: devices.rules },
      ...(hasAny(sysctl) && { sysctl }),
      ...(seccomp && { seccomp }),
      ...(maskedPaths.length > 0 && { maskedPaths: [...maskedPaths] }),
      ...(readonlyPaths.length > 0 && { readonlyPaths: [...readonlyPaths] }),
      ...(propagation && { rootfsPropagation: propagation }),
    },
  };
  return { spec, warnings };
}

/** The text for a bundle: limits go up to 64 bits, which JSON.stringify alone cannot write. */
export function specText(spec: OciSpec | OciProcess): string {
  return JSON.stringify(spec, (_key, value: unknown) => (typeof value === 'bigint' ? rawJson(value) : value));
}

/** In every engine that runs this, but not in TypeScript's library yet. */
const rawJson = (value: bigint): unknown =>
  (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(value.toString());

function hasAny(part: Readonly<Record<string, unknown>> | null | undefined): boolean {
  return part !== undefined && part !== null && Object.keys(part).length > 0;
}

function containerProcess(
  input: SpecInput,
  security: SecurityOptions,
  capabilities: readonly Capability[],
  initPath: string | undefined,
): OciProcess {
  const { config, hostConfig, defaults } = input;
  const [height = 0, width = 0] = hostConfig.ConsoleSize ?? [];
  return {
    ...(config.Tty && { terminal: true }),
    ...(config.Tty && (height > 0 || width > 0) && { consoleSize: { height, width } }),
    user: processUser(input.user),
    args: initPath === undefined ? [...input.args] : [INIT_IN_CONTAINER, '--', ...input.args],
    env: [...input.env],
    cwd: input.cwd || '/',
    ...processSecurity(input, capabilities),
    rlimits: rlimitsOf(input).filter(limit => !isLate(limit)),
    oomScoreAdj: grantedOomScore(hostConfig, input.host).value,
    noNewPrivileges: security.noNewPrivileges ?? defaults.noNewPrivileges,
  };
}

/** Only what the specification knows: a looked-up user brings more along. */
function processUser({ uid, gid, umask, additionalGids }: OciUser): OciUser {
  return { uid, gid, ...(umask !== undefined && { umask }), ...(additionalGids && { additionalGids }) };
}

function processSecurity(input: SpecInput, capabilities: readonly Capability[]) {
  const list = [...capabilities];
  const apparmor = apparmorProfile(input.hostConfig, input.host, input.defaults.apparmorProfile);
  return {
    capabilities: { bounding: list, effective: list, permitted: list },
    ...(apparmor && { apparmorProfile: apparmor }),
  };
}

export interface ExecSecurityInput {
  hostConfig: HostConfig;
  host: HostFacts;
  defaults: EngineDefaults;
  privileged: boolean;
}

/** What `exec` adds to a process: its container's capabilities, or all there are; the same limits and profile. */
export function execSecurity(input: ExecSecurityInput): Partial<OciProcess> {
  const { hostConfig, host, defaults } = input;
  const security = parseSecurityOptions(hostConfig.SecurityOpt ?? []);
  const list = containerCapabilities(
    {
      add: hostConfig.CapAdd ?? [],
      drop: hostConfig.CapDrop ?? [],
      privileged: input.privileged || hostConfig.Privileged === true,
    },
    host.capabilities,
  );
  const apparmor = apparmorProfile(hostConfig, host, defaults.apparmorProfile);
  return {
    capabilities: { bounding: list, effective: list, permitted: list },
    ...(apparmor && { apparmorProfile: apparmor }),
    rlimits: rlimitsOf({ hostConfig, host, defaults }),
    noNewPrivileges: security.noNewPrivileges ?? defaults.noNewPrivileges,
  };
}

function initProgram({ hostConfig, namespaces, defaults }: SpecInput): string | undefined {
  // Whoever shares a pid namespace has an init there already.
  if (namespaces.pid.kind !== 'new') return undefined;
  if (!(hostConfig.Init ?? defaults.init)) return undefined;
  if (defaults.initPath === undefined) {
    throw invalid('no init program was found for --init: install tini, or name one with --init-path');
  }
  return defaults.initPath;
}

const UNLIMITED = (1n << 64n) - 1n;

function rlimitsOf({ hostConfig, host, defaults }: Pick<SpecInput, 'hostConfig' | 'host' | 'defaults'>) {
  const { value } = grantedRlimits(hostConfig, host, { nofile: host.openFiles, ...defaults.ulimits });
  const number = (limit: number) => (limit < 0 ? UNLIMITED : limit);
  return Object.entries(value).map(([name, limit]) => {
    checkRlimit(name, limit);
    return { type: `RLIMIT_${name.toUpperCase()}`, soft: number(limit.soft), hard: number(limit.hard) };
  });
}

/** A runtime's own work needs that many descriptors: a container that gets fewer is limited when that is done. */
const WORKING_DESCRIPTORS = 64;
const isLate = ({ type, soft }: OciRlimit) => type === 'RLIMIT_NOFILE' && soft < WORKING_DESCRIPTORS;

/** To be set on the created container before it starts, if anything is. */
export function lateOpenFiles(input: Pick<SpecInput, 'hostConfig' | 'host' | 'defaults'>): Rlimit | undefined {
  const limit = rlimitsOf(input).find(isLate);
  return limit && { soft: Number(limit.soft), hard: limit.hard === UNLIMITED ? -1 : Number(limit.hard) };
}

function namespaceList({ namespaces, host }: SpecInput): OciNamespace[] {
  const list: OciNamespace[] = [{ type: 'mount' }];
  const add = (type: OciNamespaceType, choice: NamespaceChoice) => {
    if (choice.kind === 'new') list.push({ type });
    else if (choice.kind === 'path') list.push({ type, path: choice.path });
  };
  add('network', namespaces.network);
  add('uts', namespaces.uts);
  add('pid', namespaces.pid);
  add('ipc', namespaces.ipc);
  if (host.cgroupNamespaces) add('cgroup', namespaces.cgroup);
  add('user', namespaces.user);
  return list;
}

/** Compiles the filter of an ordinary container before there is one: it takes as long as the rest of a start. */
export function prepareFilter(host: HostFacts, defaults: EngineDefaults): void {
  const capabilities = containerCapabilities({ add: [], drop: [], privileged: false }, host.capabilities);
  const seccomp = seccompOf({ hostConfig: {}, host, defaults }, parseSecurityOptions([]), capabilities, []);
  if (seccomp) filterProgram(seccomp);
}

function seccompOf(
  { hostConfig, host, defaults }: Pick<SpecInput, 'hostConfig' | 'host' | 'defaults'>,
  security: SecurityOptions,
  capabilities: readonly Capability[],
  warnings: string[],
): OciSeccomp | undefined {
  const profile = security.seccomp ?? (hostConfig.Privileged ? 'unconfined' : defaults.seccompProfile);
  if (profile === 'unconfined') return undefined;
  if (!host.seccomp) {
    if (profile !== 'builtin') {
      throw forbidden('seccomp is not enabled in your kernel, cannot run a custom seccomp profile');
    }
    warnings.push('Your kernel does not support seccomp: the container runs without a system call filter.');
    return undefined;
  }
  const target = { architecture: host.architecture, kernel: host.kernel, capabilities };
  return compileProfile(profile === 'builtin' ? defaultProfile : parseProfile(profile), target);
}

function sysctlsOf({ hostConfig, namespaces, domainname }: SpecInput): Record<string, string> {
  const own = {
    ipc: namespaces.ipc.kind !== 'host',
    network: namespaces.network.kind !== 'host',
    uts: namespaces.uts.kind === 'new',
  };
  const wanted = hostConfig.Sysctls ?? {};
  for (const name of Object.keys(wanted)) checkSysctl(name, own);
  // A network namespace of one's own is safe to ping from and to listen in on any port, without privileges.
  const harmless =
    isPrivateMode(hostConfig.NetworkMode) && own.network
      ? { 'net.ipv4.ping_group_range': '0 2147483647', 'net.ipv4.ip_unprivileged_port_start': '0' }
      : {};
  const defaults = Object.entries(harmless).filter(([name]) => existsSync(`/proc/sys/${name.replaceAll('.', '/')}`));
  return {
    ...(domainname !== '' && own.uts && { 'kernel.domainname': domainname }),
    ...Object.fromEntries(defaults),
    ...wanted,
  };
}

function protectedPaths(hostConfig: HostConfig): { maskedPaths: readonly string[]; readonlyPaths: readonly string[] } {
  const open = hostConfig.Privileged === true;
  return {
    maskedPaths: hostConfig.MaskedPaths ?? (open ? [] : defaultMaskedPaths()),
    readonlyPaths: hostConfig.ReadonlyPaths ?? (open ? [] : defaultReadonlyPaths),
  };
}
