// What all that images do is built on.
import type { StackBuilder } from '../../content/stack.ts';
import type { Collected, ContentRoots, ContentStore } from '../../content/store.ts';
import type { ChainId, Digest } from '../../lib/ids.ts';
import { familiarName, parseReference } from '../../lib/reference.ts';
import type { Events } from '../events/events.ts';
import type { ImageUsers } from './images.ts';
import type { ImageRecords } from './records.ts';
import type { UnfinishedTransfers } from './unfinished.ts';

export interface ImageContext {
  readonly content: ContentStore;
  readonly stacks: StackBuilder;
  readonly records: ImageRecords;
  readonly unfinished: UnfinishedTransfers;
  readonly events: Events;
  readonly users: ImageUsers;
  /** Layers under containers, whatever became of their images. */
  layersInUse(): Iterable<ChainId>;
}

/** Removes content that no image, container or operation under way needs any more. */
export function collectContent(context: ImageContext): Collected {
  return context.content.collect(contentRoots(context));
}

export function contentRoots({ records, unfinished, layersInUse }: ImageContext): ContentRoots {
  unfinished.forgetOld();
  const targets = [...records.all()].map(({ target }) => target);
  return { targets, layers: layersInUse(), unfinished: unfinished.roots };
}

export type ImageAction =
  | 'delete'
  | 'import'
  | 'load'
  | 'pull'
  | 'push'
  | 'save'
  | 'tag'
  | 'untag'
  | 'prune'
  | 'create';

/** `name` is what the event shows as the image's name; labels of the image come along as Docker has them. */
export function publishImage(context: ImageContext, action: ImageAction, id: Digest | string, name: string): void {
  context.events.publish('image', action, { ID: id, Attributes: { ...labelsOf(context, id), name } });
}

function labelsOf(context: ImageContext, id: string): Record<string, string> {
  const record = context.records.get(id as Digest);
  if (!record) return {};
  const manifest = context.content.manifests.manifestIfPresent(record.target.digest);
  if (manifest?.kind !== 'manifest') return {};
  return context.content.manifests.configIfPresent(manifest.config.digest)?.config?.Labels ?? {};
}

/** A stored name as people write it. */
export function familiar(name: string): string {
  return familiarName(parseReference(name));
}
