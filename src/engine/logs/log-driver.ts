// Where a container's output is kept. conmon writes it first, in its own format, and goes on doing so while the daemon is
// down; a driver decides what becomes of that file: kept as it is, turned into another format, or never written.
import type { ContainerId } from '../../lib/ids.ts';
import type { Output } from '../output.ts';

export interface LogContext {
  containerId: ContainerId;
  containerName: string;
  imageName: string;
  imageId: string;
  labels: Readonly<Record<string, string>>;
  env: readonly string[];
  entrypoint: string;
  args: readonly string[];
  created: Date;
  tty: boolean;
  daemonName: string;
  options: Readonly<Record<string, string>>;
  /** A directory of the container's own that outlives the daemon; the log's files live here. */
  directory: string;
  /** Where Docker has the container's files: those that other programs read live here. */
  publicDirectory: string;
  /** Finished files are compressed when none was added for so long. */
  compressAfterMilliseconds?: number;
  /** Asks conmon to close its file and open the same path again. Does nothing when no conmon runs. */
  reopen(): Promise<void>;
}

export interface LogQuery {
  stdout: boolean;
  stderr: boolean;
  /** Nanoseconds since the epoch, inclusive, like `until`. */
  since?: bigint;
  until?: bigint;
  /** How many of the last lines; all without it. */
  tail?: number;
  timestamps: boolean;
  details: boolean;
  follow: boolean;
  signal: AbortSignal;
}

/** One container's log. Its files outlive this object: after a daemon restart a new one goes on where the old one was. */
export interface ContainerLog {
  /** What conmon gets as --log-path ('k8s-file:<path>' or 'none'). */
  readonly conmonTarget: string;
  /** What `inspect` shows as LogPath; '' if there is nothing to read by hand. */
  readonly path: string;
  /** To be awaited before a conmon is started. */
  prepare(): Promise<void>;
  /** The container's conmon runs (just started, or found alive after a daemon restart): rotate and convert from now on. */
  attach(): void;
  /**
   * conmon is gone and wrote all it had: followers get it all, and end. May be repeated, also by the next daemon. `discard`: nobody
   * who comes later will want it, the files are about to be deleted.
   */
  detach(options: { discard: boolean }): Promise<void>;
  /** Throws 'invalid' when the driver can't be read back ("configured logging driver does not support reading"). */
  read(query: LogQuery): Output;
  /** Stops whatever runs (daemon shutdown); the files stay. */
  close(): Promise<void>;
}

export interface LogDriver {
  readonly name: string;
  /** Throws 'invalid', naming the option, for one that the driver does not know or a value that makes no sense. */
  validate(options: Readonly<Record<string, string>>): void;
  open(context: LogContext): ContainerLog;
}
