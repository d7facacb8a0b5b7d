// Acting on all processes of a cgroup at once, and taking a cgroup away.
import { readdirSync, rmdirSync } from 'node:fs';
import { errnoOf, failed } from '../../lib/errors.ts';
import { isAbsent, readTable, readText, write } from './files.ts';
import type { Cgroup } from './hierarchy.ts';

/** The directory whose cgroup.procs tells who is in it. */
function membersDirectory(cgroup: Cgroup): string {
  const { freezer, pids, memory } = cgroup.directories;
  return freezer ?? pids ?? memory ?? cgroup.all[0]!;
}

function below(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter(entry => entry.isDirectory())
      .map(entry => `${directory}/${entry.name}`);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** The processes in it and in the cgroups that the container made below. */
export function pidsIn(cgroup: Cgroup): number[] {
  return pidsBelow([membersDirectory(cgroup)]);
}

function pidsBelow(roots: readonly string[]): number[] {
  const pids: number[] = [];
  const directories = [...roots];
  for (let directory = directories.pop(); directory !== undefined; directory = directories.pop()) {
    const text = readText(`${directory}/cgroup.procs`);
    if (text === undefined) continue;
    for (const line of text.split('\n')) if (line !== '') pids.push(Number(line));
    directories.push(...below(directory));
  }
  return pids.sort((a, b) => a - b);
}

const FREEZE_TIMEOUT = 10_000;

/** Resolves when every process stands still; one that cannot be stopped in time leaves all running and throws. */
export async function freeze(cgroup: Cgroup): Promise<void> {
  setFrozen(cgroup, true);
  const deadline = performance.now() + FREEZE_TIMEOUT;
  for (let pause = 0; !isFrozen(cgroup); pause = Math.min(pause + 1, 20)) {
    if (performance.now() > deadline) {
      thaw(cgroup);
      throw failed('the container could not be frozen: a process in it does not react');
    }
    await Bun.sleep(pause);
    // v1 gives up on a freeze that a fork got in the way of; asking again resumes it.
    if (cgroup.version === 1) setFrozen(cgroup, true);
  }
}

export function thaw(cgroup: Cgroup): void {
  setFrozen(cgroup, false);
}

/**
 * What has been killed can end. With version 1 nothing that is frozen does, whoever froze it, and be it in a cgroup of the
 * container's own; with version 2 a kill reaches it as it is.
 */
export function thawKilled(cgroup: Cgroup): void {
  const { freezer } = cgroup.directories;
  if (cgroup.version === 2 || !freezer) return;
  const directories = [freezer];
  for (let directory = directories.pop(); directory !== undefined; directory = directories.pop()) {
    try {
      write(`${directory}/freezer.state`, 'THAWED');
      directories.push(...below(directory));
    } catch (error) {
      // Gone already.
      if (!isAbsent(error)) throw error;
    }
  }
}

/** Without a look at what comes of it. */
export function setFrozen(cgroup: Cgroup, frozen: boolean): void {
  if (cgroup.version === 2) write(`${cgroup.all[0]}/cgroup.freeze`, frozen ? 1 : 0);
  else write(`${freezerOf(cgroup)}/freezer.state`, frozen ? 'FROZEN' : 'THAWED');
}

function isFrozen(cgroup: Cgroup): boolean {
  if (cgroup.version === 2) return readTable(`${cgroup.all[0]}/cgroup.events`)?.['frozen'] === 1;
  return readText(`${freezerOf(cgroup)}/freezer.state`)?.trim() === 'FROZEN';
}

function freezerOf(cgroup: Cgroup): string {
  const directory = cgroup.directories['freezer'];
  if (!directory) throw failed('cannot pause: the freezer cgroup is not mounted');
  return directory;
}

/** A process that forks faster than it is killed loses after so many rounds at the latest: it is killed, not its parent. */
const KILL_ROUNDS = 20;

/** SIGKILL to everything in it, children born meanwhile included. */
export function killAll(cgroup: Cgroup): void {
  if (cgroup.version === 2) {
    const file = `${cgroup.all[0]}/cgroup.kill`;
    if (readText(`${cgroup.all[0]}/cgroup.procs`) === undefined) return;
    try {
      write(file, 1);
      return;
    } catch (error) {
      // Before Linux 5.14 there is no such file: one by one, then.
      if (errnoOf(error) !== 'ENOENT' && errnoOf(error) !== 'EACCES') throw error;
    }
  }
  const killed = new Set<number>();
  thawKilled(cgroup);
  for (let round = 0; round < KILL_ROUNDS; round++) {
    // In all trees of v1: a runtime that was cut short may have put it into some of them only.
    const rest = pidsBelow(cgroup.all).filter(pid => pid > 0 && !killed.has(pid));
    if (rest.length === 0) return;
    for (const pid of rest) {
      killed.add(pid);
      try {
        process.kill(pid, 'SIGKILL');
      } catch (error) {
        // It ended by itself.
        if (errnoOf(error) !== 'ESRCH') throw error;
      }
    }
  }
}

/** Takes away what a runtime left behind. False while a process is still in it. */
export function removeCgroup(cgroup: Cgroup): boolean {
  return cgroup.all.map(removeTree).every(Boolean);
}

const CLEARING_TIME = 5000;

/** Ends whoever is in it, and takes it away. */
export async function clearCgroup(cgroup: Cgroup): Promise<void> {
  const deadline = performance.now() + CLEARING_TIME;
  while (!removeCgroup(cgroup)) {
    killAll(cgroup);
    // What was killed is in its cgroup until it is gone.
    if (performance.now() > deadline) throw failed(`processes in the cgroup ${cgroup.path} will not end`);
    await Bun.sleep(5);
  }
}

function removeTree(directory: string): boolean {
  if (removeEmpty(directory)) return true;
  // What keeps it is a process, or cgroups that the container made below.
  const inner = below(directory);
  return inner.length > 0 && inner.map(removeTree).every(Boolean) && removeEmpty(directory);
}

function removeEmpty(directory: string): boolean {
  try {
    rmdirSync(directory);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return true;
    if (errnoOf(error) === 'EBUSY' || errnoOf(error) === 'ENOTEMPTY') return false;
    throw error;
  }
}
