// The conmon of an exec. Nearly every client starts an exec as soon as it is created, so its conmon gets ready in between. And
// where one exec follows the other, it gets ready before there is an exec: when the one before has ended.
import { mkdirSync, rmSync } from 'node:fs';
import { errnoOf, messageOf } from '../../lib/errors.ts';
import { type ExecId, newExecId } from '../../lib/ids.ts';
import { log } from '../../lib/logger.ts';
import { quickMoves } from '../../runtime/cgroups/quick-moves.ts';
import { awaitExec, type WaitingExec } from '../../runtime/conmon.ts';
import type { ExecRequest } from './containers.ts';
import { type ContainerContext, pathsOf } from './context.ts';
import type { LiveContainer } from './live.ts';
import { installedRuntime } from './runtimes.ts';

/** How long one that was started ahead waits for the start of its exec. */
const PATIENCE = 2000;
/** Until the client of an exec has heard how it ended: that comes first. */
const AFTER_THE_LAST = 4;

/** What a conmon must be told when it starts. */
interface Wanted {
  /** Of the exec that it is for, or of the next one that is created. */
  id: ExecId;
  stdin: boolean;
  tty: boolean;
}

export interface ConmonAhead extends Wanted {
  /** There is an exec that it is for. */
  taken: boolean;
  containerName: string;
  conmon: WaitingExec;
  directory: string;
  timer: Timer;
}

export const processSpecOf = (directory: string) => `${directory}/process.json`;

/** The id of a new exec, for which a conmon gets ready: one for each container, so that execs that are never started cost little. */
export function expectStart(context: ContainerContext, live: LiveContainer, request: ExecRequest): ExecId {
  using _soon = quickMoves(context.host.cgroups);
  const kind = { stdin: request.attachStdin, tty: request.tty };
  if (live.conmonAhead && !live.conmonAhead.taken) {
    const id = takeFor(live, kind);
    if (id !== undefined) return id;
    dropConmon(live);
  }
  const id = newExecId();
  if (!live.conmonAhead) startAhead(context, live, { id, ...kind }, true);
  return id;
}

function takeFor(live: LiveContainer, { stdin, tty }: Omit<Wanted, 'id'>): ExecId | undefined {
  const ahead = live.conmonAhead;
  if (ahead?.stdin !== stdin || ahead.tty !== tty || ahead.containerName !== live.record.name) return undefined;
  if (!ahead.conmon.waits) return undefined;
  ahead.taken = true;
  ahead.timer.refresh();
  return ahead.id;
}

/** An exec has ended. If it followed another one, there will be a third, and probably of the same kind. */
export function expectAnother(context: ContainerContext, live: LiveContainer, request: ExecRequest): void {
  setTimeout(() => {
    if (live.conmonAhead || live.record.phase.kind !== 'running') return;
    startAhead(context, live, { id: newExecId(), stdin: request.attachStdin, tty: request.tty }, false);
  }, AFTER_THE_LAST).unref();
}

/** Whether the exec that is created now follows another one closely. */
export function isRepeated(live: LiveContainer): boolean {
  const before = live.execCreatedAt;
  live.execCreatedAt = performance.now();
  return before !== undefined && live.execCreatedAt - before < PATIENCE;
}

function startAhead(context: ContainerContext, live: LiveContainer, wanted: Wanted, taken: boolean): void {
  try {
    const conmon = startConmon(context, live, wanted);
    const directory = pathsOf(context, live.record).exec(wanted.id);
    const timer = setTimeout(() => dropConmon(live), PATIENCE).unref();
    live.conmonAhead = { ...wanted, taken, containerName: live.record.name, conmon, directory, timer };
  } catch (error) {
    // The start will meet the same, and has somebody to tell.
    log.debug('could not start conmon ahead of an exec', { exec: wanted.id, error: messageOf(error) });
  }
}

/** The one that waits for this exec, or a new one. */
export function conmonForExec(
  context: ContainerContext,
  live: LiveContainer,
  id: ExecId,
  request: ExecRequest,
): WaitingExec {
  const ahead = live.conmonAhead;
  if (ahead?.id === id) {
    if (ahead.conmon.waits) {
      clearTimeout(ahead.timer);
      live.conmonAhead = undefined;
      return ahead.conmon;
    }
    // When memory runs out the kernel takes any process.
    dropConmon(live);
  }
  return startConmon(context, live, { id, stdin: request.attachStdin, tty: request.tty });
}

/** Its exec is not started, or not yet; or there is none. */
export function dropConmon(live: LiveContainer): void {
  const ahead = live.conmonAhead;
  if (!ahead) return;
  clearTimeout(ahead.timer);
  live.conmonAhead = undefined;
  ahead.conmon[Symbol.dispose]();
  rmSync(ahead.directory, { recursive: true, force: true });
}

function startConmon(context: ContainerContext, { record }: LiveContainer, { id, stdin, tty }: Wanted): WaitingExec {
  const paths = pathsOf(context, record);
  const directory = paths.exec(id);
  makeDirectory(paths.execs, directory);
  return awaitExec({
    conmonPath: context.conmonPath(),
    runtime: installedRuntime(context, record),
    containerId: record.id,
    containerName: record.name,
    execId: id,
    directory,
    exitDirectory: directory,
    logTarget: 'none',
    processSpec: processSpecOf(directory),
    stdin,
    keepStdinOpen: false,
    terminal: tty,
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
