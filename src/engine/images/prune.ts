// docker image prune: dangling images, or with `dangling=false` all that no container uses.
import type { Digest } from '../../lib/ids.ts';
import { canonicalName, parseReference, withDefaultTag } from '../../lib/reference.ts';
import type { ImageDeleteResponseItem } from '../../wire/types.ts';
import { collectContent, familiar, type ImageContext, publishImage } from './context.ts';
import { flag, imageFilter } from './filters.ts';
import type { Filters, ImageUser } from './images.ts';
import type { ImageRecord } from './records.ts';
import { isIdPrefix } from './resolve.ts';

export interface PruneReport {
  ImagesDeleted: ImageDeleteResponseItem[] | null;
  SpaceReclaimed: number;
}

export function pruneImages(context: ImageContext, filters: Filters): PruneReport {
  const danglingOnly = flag(filters, 'dangling') ?? true;
  const { dangling: _decidedAbove, ...rest } = filters;
  const passes = imageFilter(context, rest);
  const report: ImageDeleteResponseItem[] = [];
  let reclaimed = 0;
  for (const record of [...context.records.all()]) {
    const names = context.records.namesOf(record.target.digest);
    const users = context.users.usersOf(record.target.digest);
    if (names.length === 0) {
      if (users.length === 0 && passes(record, undefined)) reclaimed += drop(context, record, [], report);
      continue;
    }
    if (danglingOnly) continue;
    const unwanted = names.filter(name => passes(record, name) && !users.some(user => usesName(user, name)));
    // Somebody who named the image by its id needs it under some name.
    const all = unwanted.length === names.length;
    if (all && users.some(user => usesId(user, record.target.digest))) unwanted.pop();
    if (unwanted.length > 0) reclaimed += drop(context, record, unwanted, report);
  }
  context.unfinished.forgetAll();
  reclaimed += collectContent(context).bytes;
  context.events.publish('image', 'prune', { ID: '', Attributes: { reclaimed: String(reclaimed) } });
  return { ImagesDeleted: report.length === 0 ? null : report, SpaceReclaimed: reclaimed };
}

function usesName(user: ImageUser, name: string): boolean {
  let reference: ReturnType<typeof parseReference>;
  try {
    reference = parseReference(user.reference);
  } catch {
    // An id is no name.
    return false;
  }
  const tagOnly = { ...reference, digest: undefined };
  return [withDefaultTag(reference), ...(reference.tag ? [tagOnly] : [])].some(each => canonicalName(each) === name);
}

function usesId(user: ImageUser, id: Digest): boolean {
  return isIdPrefix(id, user.reference) || user.reference.endsWith(`@${id}`);
}

/** Returns the bytes that are free then. */
function drop(
  context: ImageContext,
  record: ImageRecord,
  names: readonly string[],
  report: ImageDeleteResponseItem[],
): number {
  const id = record.target.digest;
  for (const name of names) {
    context.records.removeName(name);
    publishImage(context, 'untag', id, familiar(name));
    report.push({ Untagged: familiar(name) });
  }
  if (context.records.namesOf(id).length > 0) return 0;
  // A container made of it keeps it, without a name.
  if (context.users.usersOf(id).length > 0) return 0;
  publishImage(context, 'delete', id, id);
  context.records.remove(id);
  report.push({ Deleted: id });
  return collectContent(context).bytes;
}
