// What `info` warns of: limits that this kernel can't hold, and doors that stand open.
import type { HostFacts } from '../../runtime/cgroups/host.ts';
import type { EngineConfig } from '../config.ts';

export function systemWarnings(config: EngineConfig, host: HostFacts): string[] {
  const { limits, cgroups } = host;
  const old = cgroups.version === 1;
  const missing: [boolean, string][] = [
    [limits.memory, 'No memory limit support'],
    [limits.swap, 'No swap limit support'],
    // What version 2 has no word for is nobody's fault.
    [limits.oomKillDisable || !old, 'No oom kill disable support'],
    [limits.cpuCfs, 'No cpu cfs quota support'],
    [limits.cpuCfs, 'No cpu cfs period support'],
    [limits.cpuShares, 'No cpu shares support'],
    [limits.cpuset, 'No cpuset support'],
    [limits.pids, 'No pids limit support'],
    [limits.blkioWeight || old, 'No io.weight support'],
    [limits.blkioWeightDevice || old, 'No io.weight (per device) support'],
    [limits.blkioReadBps, old ? 'No blkio throttle.read_bps_device support' : 'No io.max (rbps) support'],
    [limits.blkioWriteBps, old ? 'No blkio throttle.write_bps_device support' : 'No io.max (wbps) support'],
    [limits.blkioReadIops, old ? 'No blkio throttle.read_iops_device support' : 'No io.max (riops) support'],
    [limits.blkioWriteIops, old ? 'No blkio throttle.write_iops_device support' : 'No io.max (wiops) support'],
    [host.ipv4Forwarding || config.network.ipForward, 'IPv4 forwarding is disabled'],
    [!host.seccomp || config.seccompProfile === 'builtin', 'daemon is not using the default seccomp profile'],
  ];
  return [
    ...missing.filter(([there]) => !there).map(([, text]) => `WARNING: ${text}`),
    ...(config.apiWarnings ?? []).map(text => `WARNING: ${text}`),
  ];
}
