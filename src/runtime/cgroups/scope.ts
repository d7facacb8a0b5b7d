// A container's cgroup as a scope of systemd: who changes or ends it does so in agreement with systemd.
import { existsSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { failed, messageOf } from '../../lib/errors.ts';
import { log } from '../../lib/logger.ts';
import { readText } from './files.ts';
import type { Cgroup } from './hierarchy.ts';

/** Which property of a scope says what a file says. */
const properties: Readonly<Record<string, (value: string) => string[]>> = {
  'memory.max': value => [`MemoryMax=${orInfinity(value)}`],
  'memory.swap.max': value => [`MemorySwapMax=${orInfinity(value)}`],
  'memory.low': value => [`MemoryLow=${orInfinity(value)}`],
  'pids.max': value => [`TasksMax=${orInfinity(value)}`],
  'cpu.weight': value => [`CPUWeight=${value}`],
  'cpu.max': cpuQuota,
  'cpuset.cpus': value => [`AllowedCPUs=${value}`],
  'cpuset.mems': value => [`AllowedMemoryNodes=${value}`],
};

const orInfinity = (value: string) => (value === 'max' ? 'infinity' : value);

function cpuQuota(value: string): string[] {
  const [quota, period] = value.split(' ');
  if (quota === 'max') return ['CPUQuota='];
  return [`CPUQuota=${((Number(quota) / Number(period)) * 100).toFixed(2)}%`, `CPUQuotaPeriodSec=${period}us`];
}

/** Limits in the words of `systemctl set-property`: all, for one that is left out goes back to its default. */
export function scopeProperties(limits: Limits): string[] {
  return Object.entries(limits)
    .filter(([, value]) => value !== '')
    .flatMap(([file, value]) => properties[file]!(value));
}

type Limits = Readonly<Record<string, string>>;

function limitsOf({ all: [directory] }: Cgroup): Limits {
  const read = Object.keys(properties).map(file => [file, readText(`${directory}/${file}`)?.trim()] as const);
  return Object.fromEntries(read.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** What the runtime wrote into the files of a new scope, for systemd to know. */
export async function tellLimits(cgroup: Cgroup): Promise<void> {
  if (cgroup.unit === undefined || cgroup.version === 1) return;
  await setProperties(cgroup.unit, scopeProperties(limitsOf(cgroup)));
}

/** Makes a change of limits known to systemd, which else takes it back when it looks at its units the next time. */
export async function tellingSystemd(cgroup: Cgroup, change: () => void): Promise<void> {
  // With version 1 it only makes the directories.
  if (cgroup.unit === undefined || cgroup.version === 1) return change();
  const before = limitsOf(cgroup);
  change();
  const after = limitsOf(cgroup);
  if (isDeepStrictEqual(before, after)) return;
  try {
    await setProperties(cgroup.unit, scopeProperties(after));
  } catch (error) {
    log.warn('systemd was not told of new limits', { unit: cgroup.unit, error: messageOf(error) });
  }
}

async function setProperties(unit: string, assignments: readonly string[]): Promise<void> {
  const command = ['systemctl', 'set-property', '--runtime', unit, ...assignments];
  const child = Bun.spawn(command, { stdio: ['ignore', 'ignore', 'pipe'] });
  const [message, code] = await Promise.all([child.stderr.text(), child.exited]);
  if (code !== 0) throw failed(message.trim() || `systemctl failed with exit code ${code}`);
}

const SCOPE_END = 2000;

/**
 * Waits until systemd has seen that nobody is left in the scope, and taken its directory away: before that, the name is not free for
 * the next start. False when somebody is still in it.
 */
export async function scopeEnds({ all }: Cgroup): Promise<boolean> {
  const deadline = performance.now() + SCOPE_END;
  for (let pause = 1; all.some(path => existsSync(path)); pause = Math.min(pause + 1, 10)) {
    if (performance.now() > deadline) return false;
    await Bun.sleep(pause);
  }
  return true;
}
