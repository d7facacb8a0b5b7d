// What Docker checks when a container is created or updated: it refuses what cannot be, drops with a warning what this
// kernel cannot do, and settles what was left open.
import { invalid, notBuilt } from '../../lib/errors.ts';
import type { ContainerConfig, HostConfig } from '../../wire/types.ts';
import { validateCapabilities } from '../capabilities.ts';
import type { HostFacts } from '../cgroups/host.ts';
import { defaultMaskedPaths, defaultReadonlyPaths } from './defaults.ts';
import { grantedOomScore, grantedRlimits } from './grants.ts';
import { containerOfMode, isCgroupnsMode, isIpcMode, isPidMode, isUtsMode } from './modes.ts';
import { parseSecurityOptions } from './security-options.ts';
import { type Settled, validateResources } from './validate-resources.ts';

export interface HostConfigDefaults {
  shmSize: number;
  ipcMode: 'private' | 'shareable';
  cgroupnsMode: 'private' | 'host' | undefined;
  /** The engine lets the host forward packets as soon as a network needs it. */
  ipForward: boolean;
}

const HOSTNAME_MAX = 64;

/** For a new container. The result is what gets stored, shown by `inspect` and given to `buildSpec`. */
export function validateHostConfig(
  hostConfig: HostConfig,
  config: ContainerConfig,
  host: HostFacts,
  defaults: HostConfigDefaults,
): Settled<HostConfig> {
  checkNetworkConflicts(hostConfig, config);
  checkOthers(hostConfig, config, host);
  const resources = validateResources(hostConfig, host);
  checkModes(hostConfig);
  const warnings = [...resources.warnings];
  const network = hostConfig.NetworkMode;
  if (!defaults.ipForward && !host.ipv4Forwarding && network !== 'host' && network !== 'none') {
    warnings.push('IPv4 forwarding is disabled. Networking will not work.');
  }
  warnings.push(...securityWarnings(hostConfig, host));
  warnings.push(...grantedRlimits(hostConfig, host, {}).warnings, ...grantedOomScore(hostConfig, host).warnings);
  if (network === 'host' && Object.keys(hostConfig.PortBindings ?? {}).length > 0) {
    warnings.push('Published ports are discarded when using host network mode');
  }
  if (hostConfig.CgroupnsMode === 'private' && !host.cgroupNamespaces) {
    warnings.push('Your kernel does not support cgroup namespaces.  Cgroup namespace setting discarded.');
  }
  return { value: settle({ ...hostConfig, ...resources.value }, host, defaults), warnings };
}

function checkNetworkConflicts(hostConfig: HostConfig, config: ContainerConfig): void {
  const { NetworkMode, Links, Dns, ExtraHosts, PortBindings, PublishAllPorts, UTSMode } = hostConfig;
  if (NetworkMode === 'container' || containerOfMode(NetworkMode) !== undefined) {
    if (!containerOfMode(NetworkMode)) {
      throw invalid('invalid network mode: invalid container format container:<name|id>');
    }
    if (config.Hostname) throw invalid('conflicting options: hostname and the network mode');
    if (Links?.length) {
      throw invalid(
        "conflicting options: container type network can't be used with links. This would result in undefined behavior",
      );
    }
    if (Dns?.length) throw invalid('conflicting options: dns and the network mode');
    if (ExtraHosts?.length) throw invalid('conflicting options: custom host-to-IP mapping and the network mode');
    if (Object.keys(PortBindings ?? {}).length > 0 || PublishAllPorts) {
      throw invalid('conflicting options: port publishing and the container type network mode');
    }
    if (Object.keys(config.ExposedPorts ?? {}).length > 0) {
      throw invalid('conflicting options: port exposing and the container type network mode');
    }
  }
  if (UTSMode === 'host' && config.Hostname) throw invalid('conflicting options: hostname and the UTS mode');
  if (NetworkMode === 'host' && Links?.length) {
    throw invalid(
      "conflicting options: host type networking can't be used with links. This would result in undefined behavior",
    );
  }
}

function checkOthers(hostConfig: HostConfig, config: ContainerConfig, host: HostFacts): void {
  const { RestartPolicy, Isolation } = hostConfig;
  if ((config.Hostname?.length ?? 0) > HOSTNAME_MAX) {
    throw invalid(`hostname "${config.Hostname}" is too long (maximum ${HOSTNAME_MAX} bytes)`);
  }
  if (hostConfig.AutoRemove && RestartPolicy?.Name && RestartPolicy.Name !== 'no') {
    throw invalid("can't create 'AutoRemove' container with restart policy");
  }
  checkRestartPolicy(RestartPolicy);
  validateCapabilities(hostConfig.CapAdd ?? [], hostConfig.CapDrop ?? [], host.capabilities);
  if (Isolation && Isolation.toLowerCase() !== 'default') {
    throw invalid(`invalid isolation (${Isolation}): linux only supports 'default'`);
  }
  if (Object.keys(hostConfig.StorageOpt ?? {}).length > 0)
    throw notBuilt('--storage-opt: a size of its own for a root');
  if ('' in (hostConfig.Annotations ?? {})) {
    throw invalid('invalid Annotations: the empty string is not permitted as an annotation key');
  }
  for (const destination of Object.keys(hostConfig.Tmpfs ?? {})) checkTmpfs(destination);
  const { labels } = parseSecurityOptions(hostConfig.SecurityOpt ?? []);
  if (host.selinux && labels.some(label => label !== 'disable')) {
    throw notBuilt('SELinux labels (--security-opt label=...) are not supported yet');
  }
}

/** Docker says nothing of a profile or label that has no effect; whoever asks for one should know. */
function securityWarnings(hostConfig: HostConfig, host: HostFacts): string[] {
  const { apparmor = 'unconfined', labels } = parseSecurityOptions(hostConfig.SecurityOpt ?? []);
  const warnings: string[] = [];
  if (apparmor !== 'unconfined' && !host.apparmor) {
    warnings.push(`Your kernel does not support AppArmor. The profile ${apparmor} is not applied.`);
  }
  if (labels.some(label => label !== 'disable') && !host.selinux) {
    warnings.push('Your kernel does not support SELinux. Labels are not applied.');
  }
  return warnings;
}

function checkTmpfs(destination: string): void {
  const clean = destination.replace(/\/+$/, '');
  if (clean === '') throw invalid(`invalid specification: destination can't be '/'`);
  if (!destination.startsWith('/')) {
    throw invalid(`invalid mount path: '${destination}' mount path must be absolute`);
  }
}

export function checkRestartPolicy(policy: HostConfig['RestartPolicy']): void {
  const name: string = policy?.Name ?? '';
  const count = policy?.MaximumRetryCount ?? 0;
  switch (name) {
    case 'no':
    case 'always':
    case 'unless-stopped':
      if (count === 0) return;
      throw invalid(
        `invalid restart policy: maximum retry count can only be used with 'on-failure'${
          count < 0 ? ' and cannot be negative' : ''
        }`,
      );
    case 'on-failure':
      if (count < 0) throw invalid('invalid restart policy: maximum retry count cannot be negative');
      return;
    case '':
      return;
    default:
      throw invalid(
        `invalid restart policy: unknown policy '${name}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`,
      );
  }
}

function checkModes(hostConfig: HostConfig): void {
  const { IpcMode = '', PidMode = '', UTSMode = '', UsernsMode = '', ShmSize = 0, OomScoreAdj = 0 } = hostConfig;
  const cgroupnsMode: string = hostConfig.CgroupnsMode ?? '';
  if (!isIpcMode(IpcMode)) throw invalid(`invalid IPC mode: ${IpcMode}`);
  if (!isPidMode(PidMode)) throw invalid(`invalid PID mode: ${PidMode}`);
  if (ShmSize < 0) throw invalid('SHM size can not be less than 0');
  if (!isUtsMode(UTSMode)) throw invalid(`invalid UTS mode: ${UTSMode}`);
  if (UsernsMode !== '' && UsernsMode !== 'host') throw invalid(`invalid user namespace mode: ${UsernsMode}`);
  if (OomScoreAdj < -1000 || OomScoreAdj > 1000) {
    throw invalid(`Invalid value ${OomScoreAdj}, range for oom score adj is [-1000, 1000]`);
  }
  if (!isCgroupnsMode(cgroupnsMode)) throw invalid(`invalid cgroup namespace mode: ${cgroupnsMode}`);
}

function settle(hostConfig: HostConfig, host: HostFacts, defaults: HostConfigDefaults): HostConfig {
  const { Privileged = false, SecurityOpt = [], Memory = 0, MemorySwap = 0 } = hostConfig;
  const ownCgroupns = defaults.cgroupnsMode ?? (host.cgroups.version === 2 ? 'private' : 'host');
  // With v1 a privileged container's own view of the cgroups would hide the hierarchies it is to manage.
  const cgroupns = Privileged && host.cgroups.version === 1 ? 'host' : ownCgroupns;
  const unlabelled = Privileged || hostConfig.IpcMode === 'host' || hostConfig.PidMode === 'host';
  const labelled = SecurityOpt?.some(option => option.split('=', 1)[0] === 'label');
  return {
    ...hostConfig,
    MemorySwap: Memory > 0 && MemorySwap === 0 ? Memory * 2 : MemorySwap,
    // Zero and less are Docker's other ways to say that there is no limit.
    PidsLimit: hostConfig.PidsLimit && hostConfig.PidsLimit > 0 ? hostConfig.PidsLimit : null,
    OomKillDisable: hostConfig.OomKillDisable ?? false,
    ShmSize: hostConfig.ShmSize || defaults.shmSize,
    IpcMode: hostConfig.IpcMode || defaults.ipcMode,
    CgroupnsMode: hostConfig.CgroupnsMode || cgroupns,
    ...(unlabelled && !labelled && { SecurityOpt: [...(SecurityOpt ?? []), 'label=disable'] }),
    ...(!Privileged && {
      MaskedPaths: hostConfig.MaskedPaths ?? [...defaultMaskedPaths()],
      ReadonlyPaths: hostConfig.ReadonlyPaths ?? [...defaultReadonlyPaths],
    }),
  };
}
