// One more process in a running container. It has a conmon of its own, so it outlives the daemon like the container does.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { onProcessEnd } from '../../kernel/process.ts';
import { parseDetachKeys } from '../../lib/detach-keys.ts';
import { conflict, errnoOf, invalid, messageOf, notFound } from '../../lib/errors.ts';
import type { ExecId } from '../../lib/ids.ts';
import { log } from '../../lib/logger.ts';
import { untilItWorks } from '../../lib/until-it-works.ts';
import { resizeTerminal } from '../../runtime/attach-socket.ts';
import { quickMoves } from '../../runtime/cgroups/quick-moves.ts';
import type { PreparedExec } from '../../runtime/conmon.ts';
import { specText } from '../../runtime/oci/spec.ts';
import { startFailure } from '../../runtime/oci-runtime.ts';
import { processStartTime } from '../../runtime/proc.ts';
import type { Attachment, ExecInspect, ExecRequest } from './containers.ts';
import { type ContainerContext, pathsOf, publish } from './context.ts';
import { conmonForExec, dropConmon, expectAnother, expectStart, isRepeated, processSpecOf } from './exec-conmon.ts';
import { execProcess } from './exec-process.ts';
import { failedAttachment } from './failed-attachment.ts';
import type { LiveContainer } from './live.ts';
import { ProcessIo } from './process-io.ts';
import { StartError } from './start-error.ts';

type ExecPhase =
  | { kind: 'created' }
  | { kind: 'starting' }
  | { kind: 'running'; pid: number; conmonPid: number; startTime: string }
  | { kind: 'exited'; exitCode: number };

/** What a new daemon needs to know of a process that it did not start; kept beside conmon's files. */
interface StoredExec {
  id: ExecId;
  request: ExecRequest;
  phase: ExecPhase;
}

/** How long a finished exec can still be inspected. */
const KEPT_AFTER_EXIT = 5 * 60_000;

export class Exec {
  phase: ExecPhase = { kind: 'created' };
  /** It was created soon after another one of its container. */
  isRepeated = false;
  /** Resolves when its start has come to an end, well or badly. */
  begun: Promise<void> | undefined;
  readonly io: ProcessIo;
  #exited!: () => void;
  readonly exited = new Promise<void>(resolve => {
    this.#exited = resolve;
  });

  constructor(
    readonly id: ExecId,
    readonly request: ExecRequest,
    readonly container: LiveContainer,
  ) {
    this.io = new ProcessIo({ tty: request.tty, closeInputWithClient: request.attachStdin });
  }

  finish(exitCode: number): void {
    this.phase = { kind: 'exited', exitCode };
    this.#exited();
  }
}

export function createExec(context: ContainerContext, live: LiveContainer, request: ExecRequest): ExecId {
  const { record } = live;
  if (record.phase.kind === 'running' && record.phase.paused) {
    throw conflict(`container ${record.id} is paused, unpause the container before exec`);
  }
  if (record.phase.kind === 'restarting') {
    throw conflict(`Container ${record.id} is restarting, wait until the container is running`);
  }
  if (record.phase.kind !== 'running') throw conflict(`container ${record.id} is not running`);
  if (request.cmd.length === 0) throw invalid('no exec command specified');
  parseDetachKeys(request.detachKeys);
  const exec = new Exec(expectStart(context, live, request), request, live);
  exec.isRepeated = isRepeated(live);
  live.execs.set(exec.id, exec);
  publish(context, record, `exec_create: ${request.cmd.join(' ')}`, { execID: exec.id });
  return exec.id;
}

export async function startExec(
  context: ContainerContext,
  exec: Exec,
  options: { detach: boolean; consoleSize?: readonly [height: number, width: number] },
  signal?: AbortSignal,
): Promise<Attachment | undefined> {
  const live = exec.container;
  const { record } = live;
  const { request } = exec;
  if (exec.phase.kind === 'exited') throw conflict(`exec command ${exec.id} has already run`);
  if (exec.phase.kind !== 'created') throw conflict(`exec command ${exec.id} is already running`);
  if (record.phase.kind !== 'running') throw conflict(`container ${record.id} is not running`);
  exec.phase = { kind: 'starting' };
  const consoleSize = options.consoleSize ?? request.consoleSize;
  publish(context, record, `exec_start: ${request.cmd.join(' ')}`, { execID: exec.id });
  const { promise: attached, resolve } = Promise.withResolvers<Attachment>();
  const starting = begin(context, exec, consoleSize, options.detach ? undefined : { onAttached: resolve, signal });
  exec.begun = starting.catch(() => undefined);
  if (options.detach) {
    await starting;
    return undefined;
  }
  try {
    // The client gets ready for the output while the process is being made.
    const attachment = await Promise.race([attached, starting.then(() => attached)]);
    return untilExited(attachment, exec, starting);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    // The stream is what the client reads: its error goes there, like any output.
    return failedAttachment(request.tty, error.message);
  }
}

interface Client {
  /** Called when the process is about to begin. */
  onAttached(attachment: Attachment): void;
  signal: AbortSignal | undefined;
}

/** Resolves when the process runs. */
async function begin(
  context: ContainerContext,
  exec: Exec,
  consoleSize: readonly [height: number, width: number] | undefined,
  client: Client | undefined,
): Promise<void> {
  const live = exec.container;
  const { record } = live;
  const { request } = exec;
  const directory = pathsOf(context, record).exec(exec.id);
  let attachment: Attachment | undefined;
  let pending: PreparedExec | undefined;
  try {
    using conmon = conmonForExec(context, live, exec.id, request);
    using _untilItRuns = quickMoves(context.host.cgroups);
    const starting = conmon.prepare();
    pending = starting;
    // While conmon forks. It is last of all that it needs: one that is left alone can begin nothing before.
    writeFileSync(processSpecOf(directory), specText(execProcess(context, record, request, consoleSize)));
    await starting.ready;
    if (client) {
      attachment = attach(context, exec, client.signal);
      await exec.io.connect(directory);
      exec.io.announce();
    }
    pending = undefined;
    const running = starting.begin();
    if (attachment) client?.onAttached(attachment);
    const { pid, conmonPid } = await running;
    exec.phase = { kind: 'running', pid, conmonPid, startTime: processStartTime(pid) ?? '' };
    storeExec(directory, exec);
    starting.exitCode.then(
      code => {
        // conmon tells the exit code when it has passed on the last byte, and ends after that.
        exec.io.complete();
        settleInBackground(context, exec, code);
        if (exec.isRepeated) expectAnother(context, live, request);
      },
      error => {
        log.error('lost track of an exec', { exec: exec.id, container: record.id, error: messageOf(error) });
        settleInBackground(context, exec, 255);
      },
    );
  } catch (error) {
    await pending
      ?.abandon()
      .catch(lost => log.warn('an exec may have been left waiting', { exec: exec.id, error: messageOf(lost) }));
    const failure = startFailure(messageOf(error), request.cmd[0] ?? '');
    await settleExec(context, exec, failure.exitCode === 125 ? 126 : failure.exitCode);
    attachment?.close();
    // Its files went away under us: the container ended while the process was being made.
    if (live.record.phase.kind !== 'running') throw conflict(`container ${record.id} is not running`);
    throw new StartError('exec', failure, error);
  }
}

function attach(context: ContainerContext, exec: Exec, signal: AbortSignal | undefined): Attachment {
  const { request } = exec;
  const attachment = exec.io.attach({
    stdin: request.attachStdin,
    stdout: request.attachStdout,
    stderr: request.attachStderr,
    detachKeys: parseDetachKeys(request.detachKeys),
    onDetach: () => publish(context, exec.container.record, 'exec_detach', { execID: exec.id }),
  });
  if (signal?.aborted) attachment.close();
  signal?.addEventListener('abort', () => attachment.close(), { once: true });
  return attachment;
}

/** Clients ask for the exit code as soon as the output ends: it must be known by then. */
function untilExited(attachment: Attachment, exec: Exec, starting: Promise<void>): Attachment {
  return {
    tty: attachment.tty,
    output: (async function* () {
      yield* attachment.output;
      try {
        await starting;
      } catch (error) {
        yield* failedAttachment(attachment.tty, messageOf(error)).output;
        return;
      }
      if (!attachment.left) await exec.exited;
    })(),
    get left() {
      return attachment.left;
    },
    write: chunk => attachment.write(chunk),
    endInput: () => attachment.endInput(),
    close: () => attachment.close(),
  };
}

function storeExec(directory: string, exec: Exec): void {
  const stored: StoredExec = { id: exec.id, request: exec.request, phase: exec.phase };
  writeFileSync(`${directory}/exec.json`, JSON.stringify(stored));
}

function settleInBackground(context: ContainerContext, exec: Exec, exitCode: number): void {
  settleExec(context, exec, exitCode).catch(error =>
    log.error('could not clean up after an exec', { exec: exec.id, error: messageOf(error) }),
  );
}

async function settleExec(context: ContainerContext, exec: Exec, exitCode: number): Promise<void> {
  if (exec.phase.kind === 'exited') return;
  const live = exec.container;
  exec.finish(exitCode);
  exec.io.announce();
  publish(context, live.record, 'exec_die', { execID: exec.id, exitCode: String(exitCode) });
  setTimeout(() => live.execs.delete(exec.id), KEPT_AFTER_EXIT).unref();
  await rm(pathsOf(context, live.record).exec(exec.id), { recursive: true, force: true });
}

/** After a daemon restart: the processes that were started before and may have ended since. */
export function adoptExecs(context: ContainerContext, live: LiveContainer): void {
  const paths = pathsOf(context, live.record);
  let names: string[];
  try {
    names = readdirSync(paths.execs);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    throw error;
  }
  for (const name of names) {
    const directory = paths.exec(name);
    let stored: StoredExec;
    try {
      stored = JSON.parse(readFileSync(`${directory}/exec.json`, 'utf8')) as StoredExec;
    } catch {
      // It was never started, or the daemon ended while it began: nobody can know its id.
      void rm(directory, { recursive: true, force: true });
      continue;
    }
    const exec = new Exec(stored.id, stored.request, live);
    exec.phase = stored.phase;
    live.execs.set(exec.id, exec);
    void watchAdopted(context, exec, directory);
  }
}

/** There is no pipe to an adopted exec's conmon: it leaves the exit code in a file, and then it ends. */
async function watchAdopted(context: ContainerContext, exec: Exec, directory: string): Promise<void> {
  const { phase } = exec;
  if (phase.kind !== 'running') return;
  const file = `${directory}/${exec.container.record.id}`;
  await untilItWorks(
    async () => {
      if (readExitFile(file) === undefined) await new Promise<void>(resolve => onProcessEnd(phase.conmonPid, resolve));
      await settleExec(context, exec, readExitFile(file) ?? 255);
    },
    error => log.error('could not watch over an exec', { exec: exec.id, error: messageOf(error) }),
  );
}

function readExitFile(file: string): number | undefined {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** The container has ended and its processes with it; conmon's last words may still be under way. */
export function endExecs(live: LiveContainer): void {
  dropConmon(live);
  for (const exec of live.execs.values()) if (exec.phase.kind === 'created') live.execs.delete(exec.id);
}

export async function resizeExec(context: ContainerContext, exec: Exec, height: number, width: number): Promise<void> {
  // Clients ask as soon as they are attached.
  await exec.begun;
  if (exec.phase.kind !== 'running') throw conflict(`exec ${exec.id} is not running`);
  resizeTerminal(pathsOf(context, exec.container.record).exec(exec.id), height, width);
}

/** Resolves when it has ended, or nobody wants to know any more. */
export async function endOf(exec: Exec, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise: aborted, resolve } = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => resolve(), { once: true });
  await Promise.race([exec.exited, aborted]);
}

export function inspectExec(exec: Exec): ExecInspect {
  const { request, phase } = exec;
  return {
    ID: exec.id,
    Running: phase.kind === 'running' || phase.kind === 'starting',
    ExitCode: phase.kind === 'exited' ? phase.exitCode : null,
    ProcessConfig: {
      tty: request.tty,
      entrypoint: request.cmd[0] ?? '',
      arguments: request.cmd.slice(1),
      privileged: request.privileged,
      ...(request.user ? { user: request.user } : {}),
    },
    OpenStdin: request.attachStdin,
    OpenStderr: request.attachStderr,
    OpenStdout: request.attachStdout,
    CanRemove: phase.kind === 'exited',
    ContainerID: exec.container.record.id,
    DetachKeys: request.detachKeys ?? '',
    Pid: phase.kind === 'running' ? phase.pid : 0,
  };
}

export function noSuchExec(id: string): Error {
  return notFound(`No such exec instance: ${id}`);
}
