// Containers as the API sees them. Every reference is a name, an id or a unique prefix of one.
import type { ContainerId, ExecId } from '../../lib/ids.ts';
import type { ByteSource } from '../../lib/streams.ts';
import type {
  ContainerConfig,
  ContainerCreateResponse,
  ContainerInspectResponse,
  ContainerStatsResponse,
  ContainerSummary,
  ContainerTopResponse,
  ContainerUpdateResponse,
  FilesystemChange,
  HostConfig,
  NetworkingConfig,
  Resources,
  RestartPolicy,
} from '../../wire/types.ts';
import type { Image } from '../images/images.ts';
import type { LogQuery } from '../logs/log-driver.ts';
import type { Output } from '../output.ts';

export type Filters = Readonly<Record<string, readonly string[]>>;

export interface CreateRequest {
  name?: string;
  platform?: string;
  /** Only of an image that is signed, whatever the trust policy says. */
  signatureRequired?: boolean;
  config: ContainerConfig;
  hostConfig: HostConfig;
  networkingConfig: NetworkingConfig;
}

export interface ListQuery {
  all: boolean;
  limit?: number;
  size: boolean;
  filters: Filters;
}

export type WaitCondition = 'not-running' | 'next-exit' | 'removed';

export interface WaitResult {
  statusCode: number;
  error?: string;
}

export interface AttachRequest {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  /** Replay the log first. */
  logs: boolean;
  /** Go on with what comes; without it only the log is replayed. */
  stream: boolean;
  /** "ctrl-p,ctrl-q" and the like; undefined is the default, '' switches it off. */
  detachKeys?: string;
}

/** An attached client's view of a process. The owner must `close` it, however the connection ended. */
export interface Attachment {
  readonly tty: boolean;
  /** Ends when the process has ended and all is delivered, or when the client detached. */
  readonly output: Output;
  /** The client detached, or `close` was called: the end of the output says nothing of the process. */
  readonly left: boolean;
  /** Gives input to the process at the process's pace. Resolves to false when no more is wanted. */
  write(chunk: Uint8Array): Promise<boolean>;
  /** The client half-closed. */
  endInput(): void;
  close(): void;
}

export interface ExecRequest {
  attachStdin: boolean;
  attachStdout: boolean;
  attachStderr: boolean;
  consoleSize?: readonly [height: number, width: number];
  detachKeys?: string;
  tty: boolean;
  env: readonly string[];
  cmd: readonly string[];
  privileged: boolean;
  user: string;
  workingDir: string;
}

export interface ExecInspect {
  CanRemove: boolean;
  DetachKeys: string;
  ID: string;
  Running: boolean;
  ExitCode: number | null;
  ProcessConfig: { tty: boolean; entrypoint: string; arguments: string[]; privileged?: boolean; user?: string };
  OpenStdin: boolean;
  OpenStderr: boolean;
  OpenStdout: boolean;
  ContainerID: string;
  Pid: number;
}

export interface PathStat {
  name: string;
  size: number;
  /** Go's FileMode bits, as the X-Docker-Container-Path-Stat header has them. */
  mode: number;
  mtime: string;
  linkTarget: string;
}

export interface CommitRequest {
  container: string;
  repo: string;
  tag: string;
  comment: string;
  author: string;
  pause: boolean;
  changes: readonly string[];
  config?: ContainerConfig;
}

export interface Containers {
  create(request: CreateRequest): Promise<ContainerCreateResponse>;
  list(query: ListQuery): Promise<ContainerSummary[]>;
  inspect(reference: string, options: { size: boolean }): Promise<ContainerInspectResponse>;

  /** Throws notModified when it runs already; likewise `stop`. */
  start(reference: string, options: { detachKeys?: string }): Promise<void>;
  /** Resolves when it has stopped; a caller that leaves does not cancel it. */
  stop(reference: string, options: { signal?: string; timeout?: number }): Promise<void>;
  restart(reference: string, options: { signal?: string; timeout?: number }): Promise<void>;
  kill(reference: string, options: { signal?: string }): Promise<void>;
  pause(reference: string): Promise<void>;
  unpause(reference: string): Promise<void>;
  /** The promise inside resolves at the condition; the outer one as soon as the container is known to exist. */
  wait(reference: string, condition: WaitCondition, signal: AbortSignal): { result: Promise<WaitResult> };
  rename(reference: string, name: string): Promise<void>;
  update(reference: string, update: Resources & { RestartPolicy?: RestartPolicy }): Promise<ContainerUpdateResponse>;
  remove(reference: string, options: { force: boolean; volumes: boolean; link: boolean }): Promise<void>;
  prune(filters: Filters): Promise<{ ContainersDeleted: string[]; SpaceReclaimed: number }>;

  top(reference: string, psArguments: string): Promise<ContainerTopResponse>;
  stats(
    reference: string,
    options: { stream: boolean; oneShot: boolean; signal: AbortSignal },
  ): AsyncIterable<ContainerStatsResponse>;
  logs(reference: string, query: LogQuery): Promise<{ tty: boolean; output: Output }>;
  attach(reference: string, request: AttachRequest, signal: AbortSignal): Promise<Attachment>;
  resize(reference: string, height: number, width: number): Promise<void>;

  changes(reference: string): Promise<FilesystemChange[]>;
  /** A tar of the whole root file system. */
  export(reference: string, signal: AbortSignal): Promise<ByteSource>;
  statPath(reference: string, path: string): Promise<PathStat>;
  getArchive(reference: string, path: string, signal: AbortSignal): Promise<{ stat: PathStat; archive: ByteSource }>;
  putArchive(
    reference: string,
    path: string,
    archive: ByteSource,
    options: { noOverwriteDirNonDir: boolean; copyUidGid: boolean },
  ): Promise<void>;
  commit(request: CommitRequest): Promise<Image['id']>;

  createExec(reference: string, request: ExecRequest): Promise<ExecId>;
  /** Detached: resolves when the process runs. Attached: the process starts when the attachment exists. */
  startExec(
    exec: string,
    options: { detach: boolean; tty?: boolean; consoleSize?: readonly [height: number, width: number] },
    signal: AbortSignal,
  ): Promise<Attachment | undefined>;
  resizeExec(exec: string, height: number, width: number): Promise<void>;
  /** `atEnd`: when the process has ended, or the signal fires. */
  inspectExec(exec: string, options?: { atEnd: AbortSignal }): Promise<ExecInspect>;

  /** For other nouns and for `info`. */
  resolve(reference: string): ContainerId;
  counts(): { running: number; paused: number; stopped: number };
}
