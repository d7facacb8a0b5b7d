// Limits that an engine without CAP_SYS_RESOURCE cannot raise beyond its own: what it grants instead, and how it says so.
import type { HostConfig } from '../../wire/types.ts';
import type { HostFacts } from '../cgroups/host.ts';
import { clampRlimit, type Rlimit } from '../rlimits.ts';

export interface Granted<T> {
  value: T;
  warnings: string[];
}

const mayRaise = (host: HostFacts) => host.capabilities.includes('CAP_SYS_RESOURCE');

/** By name; the container's own limits win over the engine's defaults for containers. */
export function grantedRlimits(
  hostConfig: HostConfig,
  host: HostFacts,
  defaults: Readonly<Record<string, Rlimit>>,
): Granted<Record<string, Rlimit>> {
  const wanted: Record<string, Rlimit> = { ...defaults };
  for (const { Name = '', Soft = 0, Hard = 0 } of hostConfig.Ulimits ?? []) wanted[Name] = { soft: Soft, hard: Hard };
  const value: Record<string, Rlimit> = {};
  const warnings: string[] = [];
  for (const [name, limit] of Object.entries(wanted)) {
    const own = host.rlimits[name];
    const granted = own && !mayRaise(host) ? clampRlimit(limit, own) : limit;
    value[name] = granted;
    if (granted.soft !== limit.soft || granted.hard !== limit.hard) {
      warnings.push(
        `The ulimit ${name} is limited to ${granted.soft}:${granted.hard}: the engine may not go beyond its own limit.`,
      );
    }
  }
  return { value, warnings };
}

export function grantedOomScore(hostConfig: HostConfig, host: HostFacts): Granted<number> {
  const wanted = hostConfig.OomScoreAdj ?? 0;
  if (wanted >= host.oomScoreAdj || mayRaise(host)) return { value: wanted, warnings: [] };
  // Whoever did not ask for a score does not miss it.
  const missed = wanted !== 0;
  const warning = `The OOM score is ${host.oomScoreAdj}: the engine may not go below its own.`;
  return { value: host.oomScoreAdj, warnings: missed ? [warning] : [] };
}
