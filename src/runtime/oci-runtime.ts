// The verbs of an OCI runtime that the daemon gives itself; creating and executing go through conmon.
import { closeSync, constants, existsSync, openSync, rmSync, unlinkSync, writeSync } from 'node:fs';
import { errnoOf, failed } from '../lib/errors.ts';
import { clearCgroup, removeCgroup } from './cgroups/control.ts';
import type { Cgroup } from './cgroups/hierarchy.ts';
import { scopeEnds } from './cgroups/scope.ts';
import type { OciRuntime } from './conmon.ts';
import { spawnFailure } from './spawn-failure.ts';

/** Resolves to what the runtime wrote to stdout. */
async function runVerb(runtime: OciRuntime, args: readonly string[]): Promise<string> {
  let child: Bun.Subprocess<'ignore', 'pipe', 'pipe'>;
  try {
    child = Bun.spawn([runtime.path, ...runtime.args, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    throw spawnFailure(`the runtime ${runtime.name} (${runtime.path})`, 'is it installed?', error);
  }
  const [said, message, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (code !== 0) throw failed(message.trim() || `${runtime.path} ${args[0]} failed with exit code ${code}`);
  return said;
}

/** Lets a created container's init go. */
export async function startCreated(runtime: OciRuntime, id: string): Promise<void> {
  if (runtime.crunState !== undefined && releaseInit(`${runtime.crunState}/${id}`)) return;
  await runVerb(runtime, ['start', id]);
}

/**
 * After a crash: lets an init go that was created and stored as running, but not started. Resolves to whether there was one.
 */
export async function startForgotten(runtime: OciRuntime, id: string): Promise<boolean> {
  if (runtime.crunState !== undefined) return releaseInit(`${runtime.crunState}/${id}`);
  const state = JSON.parse(await runVerb(runtime, ['state', id])) as { status?: string };
  if (state.status !== 'created') return false;
  await runVerb(runtime, ['start', id]);
  return true;
}

/** Takes back what the runtime keeps of a container, killing what still runs. Fine when there is nothing. */
export async function deleteCreated(runtime: OciRuntime, id: string, cgroup: Cgroup): Promise<void> {
  // A start may have failed for want of the runtime itself: then there is nothing that only it could take back.
  if (existsSync(runtime.path) || existsSync(`${runtime.crunState}/${id}`)) {
    await runVerb(runtime, ['delete', '--force', id]);
  }
  // A runtime that ended too early to have noted what it made has forgotten the cgroup, and who is in it.
  await clearCgroup(cgroup);
}

/** The same for a container whose processes are all gone. */
export async function deleteEnded(runtime: OciRuntime, id: string, cgroup: Cgroup): Promise<void> {
  if (runtime.crunState === undefined) return deleteCreated(runtime, id, cgroup);
  const isGone = (cgroup.unit === undefined || (await scopeEnds(cgroup))) && removeCgroup(cgroup);
  if (!isGone) return deleteCreated(runtime, id, cgroup);
  // A few small files in memory: gone sooner than another thread would have been told to do it.
  rmSync(`${runtime.crunState}/${id}`, { recursive: true, force: true });
}

/**
 * What `crun start` does, without the 4 ms of a process: crun's init waits on a fifo in its state directory, and the
 * fifo's absence tells crun that it was started. False when there is no init waiting, whatever the reason.
 */
function releaseInit(stateDirectory: string): boolean {
  const fifo = `${stateDirectory}/exec.fifo`;
  let fd: number;
  try {
    fd = openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch (error) {
    const code = errnoOf(error);
    // It was told, and whoever told it was killed before the fifo was gone.
    if (code === 'ENXIO') unlinkSync(fifo);
    if (code === 'ENXIO' || code === 'ENOENT') return false;
    throw error;
  }
  try {
    // In this order: an init that was not told before its fifo went would wait for ever.
    writeSync(fd, Uint8Array.of(0));
    unlinkSync(fifo);
    return true;
  } finally {
    closeSync(fd);
  }
}

export interface StartFailure {
  /** What a shell would answer: 127 nothing to run, 126 not runnable, 125 for all else. */
  exitCode: 125 | 126 | 127;
  message: string;
}

/** A runtime's words for a process that could not start, turned into those that Docker's clients look for. */
export function startFailure(message: string, command: string): StartFailure {
  const text = message.replace(/^.*?level=error msg="?/, '').trim();
  const said = (pattern: RegExp) => pattern.exec(text)?.[0].toLowerCase();
  const [, cwd, trouble] = /chdir `(.*)`: (.*)/i.exec(text) ?? [];
  if (cwd !== undefined && trouble !== undefined) {
    // The working directory is at fault, not the command.
    const message = `chdir to cwd (${JSON.stringify(cwd)}) failed: ${trouble.toLowerCase()}`;
    return { exitCode: /denied/i.test(trouble) ? 126 : 127, message };
  }
  if (said(/executable file .*not found/i)) {
    const reason = command.includes('/')
      ? `stat ${command}: no such file or directory`
      : 'executable file not found in $PATH';
    return { exitCode: 127, message: `exec: "${command}": ${reason}` };
  }
  // Whatever else was not found or is no directory is a mount, or the runtime's own: its words say which.
  if (!said(/executable|exec container process|exec: "/i)) {
    const hint = 'are you trying to mount a directory onto a file, or the other way round?';
    return { exitCode: 125, message: said(/mount .*not a directory/i) ? `${text}: ${hint}` : text };
  }
  if (said(/no such file or directory/i)) {
    return { exitCode: 127, message: `exec: "${command}": stat ${command}: no such file or directory` };
  }
  // crun's words for something that is no file at all.
  if (said(/open executable: operation not permitted/i)) {
    return { exitCode: 126, message: `exec: "${command}": permission denied` };
  }
  const reason = said(/permission denied|is a directory|not a directory|exec format error/i);
  if (reason) return { exitCode: 126, message: `exec: "${command}": ${reason}` };
  return { exitCode: 125, message: text };
}
