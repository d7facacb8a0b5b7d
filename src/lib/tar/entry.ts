// What a tar archive says about one file, whatever dialect it says it in.

export type TarKind = 'file' | 'directory' | 'symlink' | 'hardlink' | 'character' | 'block' | 'fifo';

export interface TarEntry {
  /** As in the archive (`decodeName`): it may be absolute, hold `..`, or end in a slash. Check it before use. */
  name: string;
  kind: TarKind;
  /** Length of the file. Zero for everything but files. */
  size: number;
  /** Permission bits, set-id and sticky bits included. */
  mode: number;
  uid: number;
  gid: number;
  userName: string;
  groupName: string;
  /** Nanoseconds since 1970. */
  modified: bigint;
  accessed?: bigint;
  /** Target of a symlink, or the name of the archive member that a hardlink repeats. */
  linkName: string;
  deviceMajor: number;
  deviceMinor: number;
  /** Extended attributes: full name to raw bytes. */
  xattrs: ReadonlyMap<string, Uint8Array>;
  /** The parts that hold data, in order, if the file has holes. */
  segments?: readonly TarSegment[];
}

export interface TarSegment {
  offset: number;
  length: number;
}

export const BLOCK = 512;

/** Bytes of padding after `size` bytes of data. */
export function paddingAfter(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}
