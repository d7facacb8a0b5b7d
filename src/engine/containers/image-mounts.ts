// `--mount type=image`: the files of an image inside a container, read-only. Each such mount is a snapshot of its own, so that
// the image may be removed or its name moved on while the container is there.
import { type ContainerId, sha256 } from '../../lib/ids.ts';
import type { ContainerMount } from '../volumes/mount-points.ts';
import type { CreateRequest } from './containers.ts';
import type { ContainerContext } from './context.ts';
import type { ContainerRecord } from './record.ts';

type Mounted = Pick<ContainerRecord, 'id' | 'mounts'>;

const imageMounts = ({ mounts }: Mounted) => mounts.filter(mount => mount.Type === 'image');

/** The name of its snapshot; one image may be mounted at several places. */
function keyOf(container: ContainerId, mount: ContainerMount): string {
  return `${container}-${sha256(mount.Destination ?? '').slice('sha256:'.length, 'sha256:'.length + 16)}`;
}

export const imageMountKeys = (record: Mounted): string[] => imageMounts(record).map(mount => keyOf(record.id, mount));

/**
 * For a container that is being created; returns what the trust policy only warns of. Throws notFound for an image that is
 * not there, forbidden for one that must not be.
 */
export async function createImageMounts(
  context: ContainerContext,
  record: Mounted,
  { signatureRequired = false }: Pick<CreateRequest, 'signatureRequired'>,
): Promise<string[]> {
  const warnings: string[] = [];
  for (const mount of imageMounts(record)) {
    const name = mount.Name ?? '';
    const image = context.images.get(name);
    warnings.push(...((await context.images.admit(image, name, { signatureRequired })) ?? []));
    await context.images.prepare(image);
    const key = keyOf(record.id, mount);
    context.snapshots.create(key, image.layers);
    mount.Source = context.snapshots.mountPoint(key);
  }
  return warnings;
}

/** Idempotent, like its reverse. */
export function mountImages(context: ContainerContext, record: Mounted): void {
  for (const key of imageMountKeys(record)) context.snapshots.mount(key);
}

export function unmountImages(context: ContainerContext, record: Mounted): void {
  for (const key of imageMountKeys(record)) context.snapshots.unmount(key);
}

export async function removeImageMounts(context: ContainerContext, record: Mounted): Promise<void> {
  await Promise.all(imageMountKeys(record).map(key => context.snapshots.remove(key)));
}
