// Mount points in the runtime's words.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { RootDirectory } from '../../kernel/openat2.ts';
import { invalid, isKind, messageOf } from '../../lib/errors.ts';
import { rootPropagation, tmpfsMount } from '../../runtime/oci/mounts.ts';
import type { OciMount } from '../../runtime/oci/types.ts';
import { type ContainerMount, makeBindSource } from './mount-points.ts';

export interface OciMountRequest {
  mounts: readonly ContainerMount[];
  /** Where each volume is, by name. */
  volumeSources: ReadonlyMap<string, string>;
  /** The engine's own files of /etc; a mount of the user's at the same place wins. */
  etc: { hosts: string; hostname: string; resolvConf: string };
  readonlyRootfs: boolean;
}

export function ociMounts({ mounts, volumeSources, etc, readonlyRootfs }: OciMountRequest): OciMount[] {
  const taken = new Set(mounts.map(mount => mount.Destination));
  const files: [string, string][] = [
    ['/etc/resolv.conf', etc.resolvConf],
    ['/etc/hostname', etc.hostname],
    ['/etc/hosts', etc.hosts],
  ];
  const own = files
    .filter(([destination]) => !taken.has(destination))
    .map(([destination, source]) => ({
      destination,
      type: 'bind',
      source,
      options: ['rbind', 'rprivate', ...(readonlyRootfs ? ['ro'] : [])],
    }));
  return [...own, ...mounts.map(mount => toOci(mount, volumeSources))];
}

function toOci(mount: ContainerMount, volumeSources: ReadonlyMap<string, string>): OciMount {
  const destination = mount.Destination!;
  if (mount.Type === 'tmpfs') return tmpfsMount(destination, mount.tmpfsOptions ?? '');
  let source = mount.Source!;
  if (mount.Type === 'volume') source = insideVolume(volumeSources.get(mount.Name!) ?? source, mount.subpath);
  else if (mount.createSource) makeBindSource(source);
  const options = [mount.nonRecursive ? 'bind' : 'rbind'];
  if (mount.RW === false) {
    options.push('ro');
    // Whatever is mounted below becomes read-only too; below a file there is nothing, and crun would fail.
    const recursive = !mount.readOnlyNonRecursive && !mount.nonRecursive;
    if (recursive && statSync(source, { throwIfNoEntry: false })?.isDirectory()) options.push('rro');
  }
  const bind: OciMount = { destination, type: 'bind', source, options: [...options, mount.Propagation || 'rprivate'] };
  if (mount.slaveIfPossible && !propagates(bind)) bind.options = [...options, 'rprivate'];
  return bind;
}

function propagates(bind: OciMount): boolean {
  try {
    return rootPropagation([bind]) !== undefined;
  } catch (error) {
    if (isKind(error, 'invalid')) return false;
    throw error;
  }
}

/** A container may have put links into its volume: they do not lead out of it. */
function insideVolume(volume: string, subpath: string | undefined): string {
  if (subpath === undefined) return volume;
  try {
    using root = new RootDirectory(volume);
    return join(volume, root.resolve(subpath));
  } catch (error) {
    throw invalid(`cannot access path ${volume}/${subpath} of the volume: ${messageOf(error)}`, error);
  }
}
