// docker rmi: first the name, then, with the last name, the image; and what stands against it.
import type { Descriptor } from '../../content/oci.ts';
import { conflict, invalid } from '../../lib/errors.ts';
import { type Digest, shortId } from '../../lib/ids.ts';
import type { Platform } from '../../lib/platform.ts';
import {
  canonicalName,
  parseAnyReference,
  parseReference,
  type Reference,
  repositoryOf,
  withDefaultTag,
} from '../../lib/reference.ts';
import type { ImageDeleteResponseItem } from '../../wire/types.ts';
import { collectContent, familiar, type ImageContext, publishImage } from './context.ts';
import type { ImageRecord } from './records.ts';
import { choose, isIdPrefix, noSuchImage, resolve } from './resolve.ts';

export interface RemoveOptions {
  force: boolean;
  noPrune: boolean;
  platforms: readonly Platform[];
}

export function removeImage(context: ImageContext, text: string, options: RemoveOptions): ImageDeleteResponseItem[] {
  if (options.platforms.length > 0 && !options.force) {
    throw invalid('Content will be removed from all images referencing this variant. Use --force to force delete.');
  }
  const { record, name } = find(context, text);
  if (options.platforms.length > 0) return removePlatforms(context, record, text, options.platforms);
  const id = record.target.digest;
  const names = context.records.namesOf(id);
  const byId = isIdPrefix(id, text);
  const same = sameReferences(byId ? undefined : parseReference(name ?? text), names);
  if (!byId && same.length === 0) throw noSuchImage(parseReference(text));
  if (!byId && same.length < names.length) return untag(context, record, same);

  if (!byId && name !== undefined) {
    const [user] = context.users.usersOf(id);
    if (user && !options.force) {
      const reason = `container ${shortId(user.id)} is using its referenced image ${shortId(id)}`;
      throw refusal(familiar(name), false, reason);
    }
    // The container keeps its image, which nothing names any more.
    if (user) return untag(context, record, names);
  }
  // One reference in several forms is still one.
  const severalReferences = names.length > 1 && same.length < names.length;
  checkConflicts(context, id, options.force, severalReferences);
  return removeWhole(context, record, options);
}

/** `name` is the full name that was asked for, if it was one. */
function find(context: ImageContext, text: string): { record: ImageRecord; name?: string } {
  const parsed = parseAnyReference(text);
  const record = resolve(context.records, text);
  if ('id' in parsed) return { record };
  const name = canonicalName(withDefaultTag(parsed));
  return context.records.named(name) === record ? { record, name } : { record };
}

/**
 * The names that are one reference with `wanted`: the same repository and tag; a digest alone stands for all tags of its
 * repository, and goes with the only tag there is.
 */
export function sameReferences(wanted: Reference | undefined, names: readonly string[]): string[] {
  const parsed = names.map(name => ({ name, reference: parseReference(name) }));
  const model = wanted ?? parsed[0]?.reference;
  if (!model) return [];
  const sameRepository = parsed.filter(({ reference }) => repositoryOf(reference) === repositoryOf(model));
  if (wanted?.digest !== undefined && wanted.tag === undefined) return sameRepository.map(({ name }) => name);
  const tagged = sameRepository.filter(({ reference }) => reference.tag !== undefined);
  const tag = model.tag ?? tagged[0]?.reference.tag;
  const matching = tagged.filter(({ reference }) => reference.tag === tag);
  const digested = sameRepository.filter(({ reference }) => reference.tag === undefined);
  const onlyTag = matching.length === tagged.length;
  return [...matching, ...(onlyTag ? digested : [])].map(({ name }) => name);
}

function refusal(reference: string, hard: boolean, reason: string): Error {
  return conflict(`conflict: unable to delete ${reference} (${hard ? 'cannot' : 'must'} be forced) - ${reason}`);
}

function checkConflicts(context: ImageContext, id: Digest, force: boolean, severalReferences: boolean): void {
  const users = context.users.usersOf(id);
  const running = users.find(user => user.running);
  if (running) throw refusal(shortId(id), true, `image is being used by running container ${shortId(running.id)}`);
  if (force) return;
  const [stopped] = users;
  if (stopped) throw refusal(shortId(id), false, `image is being used by stopped container ${shortId(stopped.id)}`);
  if (severalReferences) throw refusal(shortId(id), false, 'image is referenced in multiple repositories');
}

export function untag(context: ImageContext, record: ImageRecord, names: readonly string[]): ImageDeleteResponseItem[] {
  return context.records.atomically(() =>
    names.map(name => {
      context.records.removeName(name);
      publishImage(context, 'untag', record.target.digest, familiar(name));
      return { Untagged: familiar(name) };
    }),
  );
}

function removeWhole(context: ImageContext, record: ImageRecord, options: RemoveOptions): ImageDeleteResponseItem[] {
  const id = record.target.digest;
  // Cut off in between, it would have lost the name by which it can be removed.
  const report = context.records.atomically(() => {
    const untagged = untag(context, record, context.records.namesOf(id));
    // Other images were made of it: it stays as their parent.
    if (!options.force && childrenOf(context, id) > 0 && untagged.length > 0) return untagged;
    return [...untagged, ...dropImages(context, [record, ...(options.noPrune ? [] : idleParents(context, record))])];
  });
  // Only what is no longer an image for sure loses its content.
  collectContent(context);
  return report;
}

function dropImages(context: ImageContext, records: readonly ImageRecord[]): ImageDeleteResponseItem[] {
  return records.map(({ target }) => {
    publishImage(context, 'delete', target.digest, target.digest);
    context.records.remove(target.digest);
    return { Deleted: target.digest };
  });
}

function childrenOf(context: ImageContext, id: Digest): number {
  let count = 0;
  for (const { parent } of context.records.all()) if (parent === id) count++;
  return count;
}

/** The images that this one was made of and that nothing else needs. */
function idleParents(context: ImageContext, record: ImageRecord): ImageRecord[] {
  const idle: ImageRecord[] = [];
  let at = record.parent && context.records.get(record.parent);
  while (at && !idle.includes(at)) {
    const { digest } = at.target;
    const needed = context.records.namesOf(digest).length > 0 || context.users.usersOf(digest).length > 0;
    if (needed || childrenOf(context, digest) > 1) break;
    idle.push(at);
    at = at.parent && context.records.get(at.parent);
  }
  return idle;
}

/** What some manifests refer to, and nothing else does but by way of them. */
export function contentOnlyOf(context: ImageContext, manifests: readonly Descriptor[]): Set<Digest> {
  const { content, records } = context;
  const only = content.reachable(manifests).blobs;
  const targets = [...records.all()].map(({ target }) => target);
  for (const digest of content.reachable(targets, manifests).blobs) only.delete(digest);
  return only;
}

/** Takes the content of single platforms out of the store; the image itself goes on naming them. */
function removePlatforms(
  context: ImageContext,
  record: ImageRecord,
  text: string,
  platforms: readonly Platform[],
): ImageDeleteResponseItem[] {
  const chosen = platforms.map(platform => choose(context, record, text, platform).descriptor);
  for (const digest of contentOnlyOf(context, chosen)) {
    context.content.blobs.remove(digest);
    context.content.manifests.forget(digest);
  }
  collectContent(context);
  return chosen.map(({ digest }) => ({ Deleted: digest }));
}
