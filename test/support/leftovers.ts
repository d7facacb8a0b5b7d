// What an engine has left behind in the kernel: processes, mounts, cgroups, interfaces, firewall rules. Found by the engine's own roots, so that
// engines side by side don't see each other's.

import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { networkLeftovers, removeNetworkLeftovers } from './network-leftovers.ts';
import type { Roots } from './roots.ts';
import { until } from './until.ts';

/** Inherited by everything that the engine starts. */
export const MARK = 'DOCKYARD_TEST_ENGINE';

export interface Leftovers {
  processes: { pid: number; command: string }[];
  mounts: string[];
  cgroups: string[];
  interfaces: string[];
  tables: string[];
}

export function findLeftovers(roots: Roots): Leftovers {
  return {
    processes: processesOf(roots),
    mounts: mountsBelow(roots.base),
    cgroups: cgroupsOf(roots),
    ...networkLeftovers(roots.dataRoot),
  };
}

export function describeLeftovers({ processes, mounts, cgroups, interfaces, tables }: Leftovers): string {
  return [
    ...processes.map(({ pid, command }) => `process ${pid}: ${command}`),
    ...mounts.map(path => `mount ${path}`),
    ...cgroups.map(path => `cgroup ${path}`),
    ...interfaces.map(name => `interface ${name}`),
    ...tables.map(name => `firewall table ${name}`),
  ].join('\n');
}

/** By force, whatever state it is in, the roots' directory included. */
export async function removeLeftovers(roots: Roots): Promise<void> {
  // What is paused dies only when it runs again.
  for (const path of cgroupsOf(roots)) {
    if (existsSync(`${path}/freezer.state`)) writeFileSync(`${path}/freezer.state`, 'THAWED');
    if (existsSync(`${path}/cgroup.freeze`)) writeFileSync(`${path}/cgroup.freeze`, '0');
  }
  await until(() => {
    const processes = processesOf(roots);
    for (const path of cgroupsOf(roots)) thaw(path);
    for (const { pid } of processes) signal(pid, 'SIGKILL');
    return processes.length === 0;
  });
  for (const path of mountsBelow(roots.base).reverse()) Bun.spawnSync(['umount', '-l', path]);
  await until(() => {
    for (const path of cgroupsOf(roots)) removeCgroup(path);
    return cgroupsOf(roots).length === 0;
  });
  for (const directory of cgroupDirectories(roots)) removeCgroup(directory);
  removeNetworkLeftovers(roots.dataRoot);
  rmSync(roots.base, { recursive: true, force: true });
}

function processesOf({ base, cgroupParent }: Roots): Leftovers['processes'] {
  const marks = [`${MARK}=${base}\0`, `${base}/`];
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map(name => ({ pid: Number(name), command: read(`/proc/${name}/cmdline`).replaceAll('\0', ' ').trim() }))
    .filter(({ pid, command }) => {
      // A zombie is its parent's to reap, and holds nothing.
      if (/^\d+ \(.*\) Z/s.test(read(`/proc/${pid}/stat`))) return false;
      if (read(`/proc/${pid}/environ`).includes(marks[0]!)) return true;
      return command.includes(marks[1]!) || read(`/proc/${pid}/cgroup`).includes(`${cgroupParent}/`);
    });
}

function mountsBelow(base: string): string[] {
  return read('/proc/self/mountinfo')
    .split('\n')
    .map(line => line.split(' ')[4])
    .filter((path): path is string => path === base || path?.startsWith(`${base}/`) === true);
}

/** The cgroups of containers: those below the engine's parent cgroup, in every hierarchy. */
function cgroupsOf(roots: Roots): string[] {
  return cgroupDirectories(roots).flatMap(directory =>
    readdirSync(directory, { withFileTypes: true })
      .filter(entry => entry.isDirectory())
      .map(entry => `${directory}/${entry.name}`),
  );
}

function cgroupDirectories({ cgroupParent }: Roots): string[] {
  const top = '/sys/fs/cgroup';
  const hierarchies = existsSync(`${top}/cgroup.controllers`) ? [top] : readdirSync(top).map(name => `${top}/${name}`);
  return [...new Set(hierarchies)].map(path => `${path}${cgroupParent}`).filter(path => existsSync(path));
}

/** In cgroups of v1, what is frozen does not die. */
function thaw(path: string): void {
  const state = `${path}/freezer.state`;
  if (read(state).trim() !== 'THAWED' && existsSync(state)) writeFileSync(state, 'THAWED');
}

function removeCgroup(path: string): void {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) removeCgroup(`${path}/${entry.name}`);
  }
  try {
    rmdirSync(path);
  } catch {
    // Busy for as long as a process of it is still dying; the caller looks again.
  }
}

/** Fine when it has ended by itself. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It did.
  }
}

/** Files of /proc vanish with their process. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
