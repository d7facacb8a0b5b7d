// docker commit: the writable layer and the configuration become an image.
import { conflict } from '../../lib/errors.ts';
import { freeze, thaw } from '../../runtime/cgroups/control.ts';
import type { Image } from '../images/images.ts';
import { cgroupOf } from './cgroup.ts';
import type { CommitRequest } from './containers.ts';
import { type ContainerContext, publish } from './context.ts';
import type { LiveContainer } from './live.ts';

export async function commit(
  context: ContainerContext,
  live: LiveContainer,
  request: CommitRequest,
): Promise<Image['id']> {
  const { record } = live;
  if (record.phase.kind === 'removing' || record.phase.kind === 'dead') {
    throw conflict(`You cannot commit container ${record.id} which is being removed`);
  }
  // Standing still, the files agree with each other.
  const frozen = request.pause && record.phase.kind === 'running' && !record.phase.paused;
  if (frozen) await freeze(cgroupOf(context, record));
  try {
    const id = await context.images.commit({
      snapshot: record.id,
      upperDirectory: context.snapshots.upperDirectory(record.id),
      base: record.image.id,
      manifest: record.image.manifest?.digest ?? '',
      container: record.id,
      config: record.config,
      override: request.config,
      changes: request.changes,
      author: request.author,
      comment: request.comment,
      repository: request.repo,
      tag: request.tag,
    });
    publish(context, record, 'commit', { comment: request.comment, imageID: id, imageRef: imageReference(request) });
    return id;
  } finally {
    if (frozen) thaw(cgroupOf(context, record));
  }
}

const imageReference = (request: CommitRequest) =>
  request.repo === '' ? '' : `${request.repo}${request.tag === '' ? '' : `:${request.tag}`}`;
