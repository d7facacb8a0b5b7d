// What the engine asks of its archive helper, and what comes back. The order is the helper's only argument, as JSON. A line of JSON
// on stdout answers it; after that comes the archive, if one was asked for, to the end of the stream.
import type { ErrorKind } from '../../lib/errors.ts';
import type { PathStat } from '../containers/containers.ts';

/** A container's files as it sees them itself: its root, and what is mounted over it. */
export interface ContainerView {
  /** For messages. */
  name: string;
  /** Where its root is mounted on the host. */
  rootfs: string;
  readonlyRootfs: boolean;
  mounts: readonly ViewMount[];
}

export interface ViewMount {
  /** On the host; '' for what has no source (a tmpfs), which exists only inside. */
  source: string;
  /** A path inside the source that is mounted instead of all of it. */
  subpath?: string;
  destination: string;
  rw: boolean;
}

export interface ExtractOptions {
  /** Never put a directory in the place of something else, nor the reverse. */
  noOverwriteDirNonDir: boolean;
  /** All that is extracted belongs to them, instead of to whom the archive says. */
  owner?: { uid: number; gid: number };
}

export type ArchiveOrder =
  | { kind: 'stat'; view: ContainerView; path: string }
  | { kind: 'get'; view: ContainerView; path: string }
  | { kind: 'put'; view: ContainerView; path: string; options: ExtractOptions }
  | { kind: 'export'; rootfs: string };

export type ArchiveAnswer = { ok: true; stat?: PathStat } | { ok: false; error: string; errorKind: ErrorKind };
