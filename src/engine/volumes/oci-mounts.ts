// Mount points in the runtime's words.
import { statSync } from 'node:fs';
import { isKind } from '../../lib/errors.ts';
import { rootPropagation, tmpfsMount } from '../../runtime/oci/mounts.ts';
import type { OciMount } from '../../runtime/oci/types.ts';
import { type ContainerMount, makeBindSource } from './mount-points.ts';
import type { Volumes } from './volumes.ts';

export interface OciMountRequest {
  mounts: readonly ContainerMount[];
  /** Where each volume is, by name. */
  volumeSources: ReadonlyMap<string, string>;
  volumes: Pick<Volumes, 'openPart' | 'openPartOf'>;
  /** The engine's own files of /etc; a mount of the user's at the same place wins. */
  etc: { hosts: string; hostname: string; resolvConf: string };
  readonlyRootfs: boolean;
}

/** To be disposed of when the runtime has made the container: it holds parts of volumes mounted until then. */
export interface OciMounts extends Disposable {
  readonly list: OciMount[];
}

export function ociMounts(request: OciMountRequest): OciMounts {
  const { mounts, etc, readonlyRootfs } = request;
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
  using parts = new DisposableStack();
  const theirs = mounts.map(mount => toOci(mount, sourceOf(mount, request, parts)));
  const held = parts.move();
  return { list: [...own, ...theirs], [Symbol.dispose]: () => held.dispose() };
}

function sourceOf(mount: ContainerMount, request: OciMountRequest, parts: DisposableStack): string {
  const { Type: type, Source: source = '', Name: name = '', subpath } = mount;
  if (type === 'volume' && subpath !== undefined) return parts.use(request.volumes.openPart(name, subpath)).path;
  if (type === 'image' && subpath !== undefined) return parts.use(request.volumes.openPartOf(source, subpath)).path;
  if (type === 'volume') return request.volumeSources.get(name) ?? source;
  if (mount.createSource) makeBindSource(source);
  return source;
}

function toOci(mount: ContainerMount, source: string): OciMount {
  const destination = mount.Destination!;
  if (mount.Type === 'tmpfs') return tmpfsMount(destination, mount.tmpfsOptions ?? '');
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
