// A new volume begins with what the image has at its place: files, owner and mode.
import { chmodSync, chownSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { RootDirectory } from '../../kernel/openat2.ts';
import { errnoOf, failed, invalid } from '../../lib/errors.ts';
import type { ContainerId } from '../../lib/ids.ts';
import type { ContainerMount } from './mount-points.ts';
import type { Volumes } from './volumes.ts';

export interface CopyUpRequest {
  mounts: readonly ContainerMount[];
  rootfs: string;
  container: ContainerId;
  volumes: Volumes;
}

export async function copyUpVolumes({ mounts, rootfs, container, volumes }: CopyUpRequest): Promise<void> {
  for (const mount of mounts) {
    if (mount.Type !== 'volume' || mount.noCopy) continue;
    const source = sourceInRoot(rootfs, mount.Destination!);
    if (source === undefined) continue;
    const target = await volumes.mount(mount.Name!, container);
    try {
      if (readdirSync(target).length === 0) await copyTree(source, target);
    } finally {
      await volumes.unmount(mount.Name!, container);
    }
  }
}

/** The directory that is there in the image, as the host names it; links are followed inside the root only. */
function sourceInRoot(rootfs: string, destination: string): string | undefined {
  try {
    using root = new RootDirectory(rootfs);
    const resolved = join(rootfs, root.resolve(destination));
    if (!statSync(resolved).isDirectory()) {
      throw invalid(`cannot mount volume over existing file, file exists ${resolved}`);
    }
    return resolved;
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return undefined;
    throw error;
  }
}

async function copyTree(source: string, target: string): Promise<void> {
  if (readdirSync(source).length > 0) {
    const copy = Bun.spawn(['cp', '-a', '--reflink=auto', '--', `${source}/.`, target], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const [message, code] = await Promise.all([new Response(copy.stderr).text(), copy.exited]);
    if (code !== 0) throw failed(`could not copy the image's content into a volume: ${message.trim()}`);
  }
  const { uid, gid, mode } = statSync(source);
  chownSync(target, uid, gid);
  chmodSync(target, mode & 0o7777);
}
