// The conmon of an exec. Nearly every client starts an exec as soon as it is created, so its conmon gets ready in between.
import { mkdirSync, rmSync } from 'node:fs';
import { errnoOf, messageOf } from '../../lib/errors.ts';
import { log } from '../../lib/logger.ts';
import { quickMoves } from '../../runtime/cgroups/quick-moves.ts';
import { awaitExec, type WaitingExec } from '../../runtime/conmon.ts';
import { type ContainerContext, pathsOf } from './context.ts';
import type { Exec } from './exec.ts';
import { installedRuntime } from './runtimes.ts';

/** How long one that was started ahead waits for the start of its exec. */
const PATIENCE = 2000;

export interface ConmonAhead {
  conmon: WaitingExec;
  directory: string;
  timer: Timer;
}

export const processSpecOf = (directory: string) => `${directory}/process.json`;

/** One at a time for each container, so that execs that are never started cost next to nothing. */
export function startConmonAhead(context: ContainerContext, exec: Exec): void {
  if (exec.container.execs.values().some(other => other.conmonAhead !== undefined)) return;
  try {
    const conmon = startConmon(context, exec);
    using _soon = quickMoves(context.host.cgroups);
    const directory = directoryOf(context, exec);
    const timer = setTimeout(() => dropConmon(exec), PATIENCE).unref();
    exec.conmonAhead = { conmon, directory, timer };
  } catch (error) {
    // The start will meet the same, and has somebody to tell.
    log.debug('could not start conmon ahead of an exec', { exec: exec.id, error: messageOf(error) });
  }
}

/** The one that waits for this exec, or a new one. */
export function conmonForExec(context: ContainerContext, exec: Exec): WaitingExec {
  const ahead = exec.conmonAhead;
  if (!ahead) return startConmon(context, exec);
  clearTimeout(ahead.timer);
  exec.conmonAhead = undefined;
  return ahead.conmon;
}

/** The exec is not started, or not yet. */
export function dropConmon(exec: Exec): void {
  const ahead = exec.conmonAhead;
  if (!ahead) return;
  clearTimeout(ahead.timer);
  exec.conmonAhead = undefined;
  ahead.conmon[Symbol.dispose]();
  rmSync(ahead.directory, { recursive: true, force: true });
}

const directoryOf = (context: ContainerContext, exec: Exec) => pathsOf(context, exec.container.record).exec(exec.id);

function startConmon(context: ContainerContext, exec: Exec): WaitingExec {
  const { request } = exec;
  const { record } = exec.container;
  const directory = directoryOf(context, exec);
  makeDirectory(pathsOf(context, record).execs, directory);
  return awaitExec({
    conmonPath: context.conmonPath(),
    runtime: installedRuntime(context, record),
    containerId: record.id,
    containerName: record.name,
    execId: exec.id,
    directory,
    exitDirectory: directory,
    logTarget: 'none',
    processSpec: processSpecOf(directory),
    stdin: request.attachStdin,
    keepStdinOpen: false,
    terminal: request.tty,
  });
}

/** One call for all but the first exec of a container. */
function makeDirectory(parent: string, directory: string): void {
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    mkdirSync(parent, { recursive: true, mode: 0o700 });
    mkdirSync(directory, { mode: 0o700 });
  }
}
