// conmon watches one process each: it owns the stdio, writes the log file and the exit code, and outlives the daemon.
import { closeSync, readFileSync, writeSync } from 'node:fs';
import { ProcessHandle } from '../kernel/process.ts';
import { errnoOf, failed } from '../lib/errors.ts';
import { watchDescriptor } from '../lib/socket.ts';
import { sealedCrun } from './sealed-crun.ts';
import { spawnFailure } from './spawn-failure.ts';

const SIGKILL = 9;

export interface OciRuntime {
  name: string;
  path: string;
  /** Global arguments, before the verb. */
  args: readonly string[];
  /** Where it keeps its state, if it is crun: whose state is simple enough to be used without asking it. */
  crunState?: string;
}

interface Common {
  conmonPath: string;
  runtime: OciRuntime;
  containerId: string;
  containerName: string;
  /** conmon's working directory: sockets, fifos, pid files. One per watched process. */
  directory: string;
  /** Where `<containerId>` appears with the exit code in it. */
  exitDirectory: string;
  /** 'k8s-file:<path>' or 'none'. */
  logTarget: string;
  stdin: boolean;
  /** Whether the process keeps its stdin when the attached connection ends. */
  keepStdinOpen: boolean;
  terminal: boolean;
}

export interface ContainerRequest extends Common {
  bundle: string;
}

export interface ExecRequest extends Common {
  execId: string;
  processSpec: string;
}

export interface Watched {
  pid: number;
  conmonPid: number;
}

export const attachSocketName = 'attach';
const pidFile = (directory: string) => `${directory}/pid`;
const conmonPidFile = (directory: string) => `${directory}/conmon.pid`;

/** crun complains on the process's terminal once it has given it that, where nobody hears it; and in a file, if it has one. */
const complaintsFile = (directory: string) => `${directory}/complaints`;

function commonArguments(request: Common, runtimeArguments: readonly string[] = []): string[] {
  const { directory, runtime } = request;
  return [
    ...['--cid', request.containerId, '--name', request.containerName, '--bundle', directory],
    ...['--runtime', executable(runtime)],
    ...[...runtime.args, ...runtimeArguments].flatMap(arg => ['--runtime-arg', arg]),
    ...['--container-pidfile', pidFile(directory), '--conmon-pidfile', conmonPidFile(directory)],
    ...['--exit-dir', request.exitDirectory, '--log-path', request.logTarget, '--log-level', 'error'],
    ...['--full-attach', '--no-sync-log', '--no-new-keyring'],
    ...(request.stdin ? ['--stdin'] : []),
    ...(request.stdin && request.keepStdinOpen ? ['--leave-stdin-open'] : []),
    ...(request.terminal ? ['--terminal'] : []),
  ];
}

const executable = ({ path, crunState }: OciRuntime) => (crunState === undefined ? path : sealedCrun(path));

/** A conmon that waits for its first word. Disposed of before that, it has done nothing. */
export interface WaitingContainer extends Disposable {
  /** Has the runtime create the container: its init waits for `start`, its output can already be attached. */
  create(): Promise<Watched>;
}

/** Starts conmon for a container whose bundle is still in the making: it takes a while to get ready itself. */
export function awaitBundle(request: ContainerRequest): WaitingContainer {
  const args = [...commonArguments(request), '--cuuid', request.containerId, '--persist-dir', request.directory];
  const conmon = spawnConmon(request, args, ['pipe', 'pipe'], { _OCI_SYNCPIPE: '3', _OCI_STARTPIPE: '4' });
  const [sync, start] = conmon.fds as [number, number];
  return {
    create: async () => {
      conmon.go();
      closeSync(start);
      const [line] = await Promise.all([readLine(sync), conmon.exited]);
      return { pid: pidOf(line), conmonPid: readConmonPid(request.directory) };
    },
    [Symbol.dispose]: () => conmon.dismiss(),
  };
}

/** The same for an exec. */
export interface WaitingExec extends Disposable {
  /** Nobody has killed it. */
  readonly waits: boolean;
  /** Has it get ready for whoever attaches; the process specification must be there. */
  prepare(): PreparedExec;
}

export interface PreparedExec {
  /** Resolves when the attach socket exists; the process does not run yet. */
  ready: Promise<void>;
  /** Lets the process begin. Resolves when it runs, with its pid; rejects with what the runtime says. */
  begin(): Promise<Watched>;
  /** Resolves to its exit code. */
  exitCode: Promise<number>;
  /** Instead of `begin`: the process never runs. */
  abandon(): Promise<void>;
}

/** Starts conmon for one more process in a container. The process begins in two steps, so that no output is lost to whoever attaches. */
export function awaitExec(request: ExecRequest): WaitingExec {
  const isHeard = !request.terminal || request.runtime.crunState === undefined;
  const args = [
    ...commonArguments(request, isHeard ? [] : ['--log', complaintsFile(request.directory)]),
    ...['--cuuid', request.execId, '--exec', '--exec-attach', '--exec-process-spec', request.processSpec],
    ...['--api-version', '1'],
  ];
  const environment = { _OCI_SYNCPIPE: '3', _OCI_STARTPIPE: '4', _OCI_ATTACHPIPE: '5' };
  const conmon = spawnConmon(request, args, ['pipe', 'pipe', 'pipe'], environment);
  const [sync, start, attach] = conmon.fds as [number, number, number];
  return {
    get waits() {
      return conmon.waits();
    },
    prepare: () => {
      // It waits on this pipe twice: before it forks, and again before the process begins.
      conmon.go();
      return prepareExec(request, conmon.exited, { sync, start, attach });
    },
    [Symbol.dispose]: () => conmon.dismiss(),
  };
}

function prepareExec(
  request: ExecRequest,
  forked: Promise<unknown>,
  { sync, start, attach }: { sync: number; start: number; attach: number },
): PreparedExec {
  const reports = new LineReader(sync);
  let exitResolve!: (code: number) => void;
  let exitReject!: (error: Error) => void;
  const exitCode = new Promise<number>((resolve, reject) => {
    exitResolve = resolve;
    exitReject = reject;
  });
  exitCode.catch(() => undefined);
  return {
    ready: readLine(attach).then(() => undefined),
    exitCode,
    abandon: async () => {
      // Closing the pipe would let the process begin: conmon must be gone first.
      await forked;
      try {
        using waiting = ProcessHandle.open(readConmonPid(request.directory));
        waiting?.signal(SIGKILL);
      } finally {
        closeSync(start);
        reports.close();
      }
    },
    begin: async () => {
      writeSync(start, GO);
      closeSync(start);
      try {
        const [line] = await Promise.all([reports.next(), forked]);
        if (line === undefined) throw failed(complaint(request.directory) ?? SILENCE);
        const pid = pidOf(line);
        const conmonPid = readConmonPid(request.directory);
        reports.next().then(last => exitResolve(exitCodeOf(last)), exitReject);
        return { pid, conmonPid };
      } catch (error) {
        reports.close();
        exitReject(error as Error);
        throw error;
      }
    },
  };
}

/** conmon waits for a byte; it does not look at it. */
const GO = 's';
/** Where the pipe is on which it waits for that, among those we gave it. */
const START = 1;

function spawnConmon(request: Common, args: string[], pipes: 'pipe'[], environment: Record<string, string>) {
  let child: Bun.Subprocess;
  try {
    child = Bun.spawn([request.conmonPath, ...args], {
      cwd: request.directory,
      stdio: ['ignore', 'ignore', 'ignore', ...pipes] as ['ignore', 'ignore', 'ignore'],
      env: {
        PATH: process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin',
        // The log's times in UTC: they need no arithmetic when they are read, and no hour comes twice.
        TZ: 'UTC',
        // Its socket for a terminal goes with the directory if it is killed. A path from the root would be too long for a socket.
        TMPDIR: '.',
        ...environment,
      },
    });
  } catch (error) {
    const ifMissing = 'install the package conmon, or name the program with --conmon-path';
    throw spawnFailure(`conmon (${request.conmonPath})`, ifMissing, error);
  }
  const fds = (child.stdio as readonly unknown[]).slice(3) as number[];
  let waiting = true;
  return {
    exited: child.exited,
    waits: () => waiting && child.exitCode === null && child.signalCode === null,
    fds,
    go: () => {
      waiting = false;
      try {
        writeSync(fds[START]!, GO);
      } catch (error) {
        // It is gone already: that is for the reader of its reports to notice.
        if (errnoOf(error) !== 'EPIPE') throw error;
      }
    },
    /** Ends it unless it was told to go. */
    dismiss: () => {
      if (!waiting) return;
      waiting = false;
      // Before its pipe is closed, which is a word, too.
      child.kill(SIGKILL);
      for (const fd of fds) closeSync(fd);
    },
  };
}

const SILENCE = 'conmon ended without saying why';

/** The first of them is what went wrong. */
function complaint(directory: string): string | undefined {
  try {
    return readFileSync(complaintsFile(directory), 'utf8').split('\n')[0]?.trim() || undefined;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

interface Report {
  pid?: number;
  exit_code?: number;
  data?: number;
  message?: string;
}

function parseReport(line: string | undefined): Report {
  if (line === undefined) throw failed(SILENCE);
  try {
    return JSON.parse(line) as Report;
  } catch (error) {
    throw failed(`conmon said something unexpected: ${line}`, error);
  }
}

function pidOf(line: string | undefined): number {
  const report = parseReport(line);
  const pid = report.pid ?? report.data ?? -1;
  if (pid > 0) return pid;
  throw failed(report.message?.trim() || 'the runtime failed without a message');
}

function exitCodeOf(line: string | undefined): number {
  const report = parseReport(line);
  return report.exit_code ?? report.data ?? -1;
}

/** A few bytes in memory: a thread to read them would take longer. */
function readConmonPid(directory: string): number {
  let text: string;
  try {
    text = readFileSync(conmonPidFile(directory), 'utf8');
  } catch (error) {
    throw failed('conmon ended before it said who it is', error);
  }
  const pid = Number(text);
  if (!(pid > 0)) throw failed(`conmon left no pid, but ${JSON.stringify(text)}`);
  return pid;
}

async function readLine(fd: number): Promise<string | undefined> {
  const reader = new LineReader(fd);
  const line = await reader.next();
  reader.close();
  return line;
}

/** Lines from a pipe that we own; undefined at its end. */
class LineReader {
  #text = '';
  #lines: string[] = [];
  #ended = false;
  #wake: (() => void) | undefined;
  #socket: Promise<Bun.Socket<undefined>>;

  constructor(fd: number) {
    const finish = () => {
      this.#ended = true;
      this.#wake?.();
    };
    this.#socket = watchDescriptor(fd, {
      data: (_socket, chunk) => {
        this.#text += chunk.toString();
        const lines = this.#text.split('\n');
        this.#text = lines.pop() ?? '';
        this.#lines.push(...lines);
        this.#wake?.();
      },
      end: socket => {
        socket.end();
        finish();
      },
      close: finish,
      error: finish,
    });
  }

  async next(): Promise<string | undefined> {
    while (this.#lines.length === 0 && !this.#ended) {
      await new Promise<void>(resolve => {
        this.#wake = resolve;
      });
    }
    return this.#lines.shift();
  }

  close(): void {
    this.#ended = true;
    void this.#socket.then(socket => socket.end());
  }
}
