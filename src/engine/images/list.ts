// docker images, docker image inspect, docker history: what is known of images.
import { chainIds } from '../../content/oci.ts';
import type { Digest } from '../../lib/ids.ts';
import type { Platform } from '../../lib/platform.ts';
import type { ImageHistoryResponseItem, ImageInspect, ImageSummary } from '../../wire/types.ts';
import { familiar, type ImageContext } from './context.ts';
import { imageFilter } from './filters.ts';
import type { ListImagesQuery } from './images.ts';
import type { ImageRecord } from './records.ts';
import { choose, chooseIfAny, resolve } from './resolve.ts';
import { contentsOf, type ImageContents, manifestSummary, repoNames, sharedSizes } from './summary.ts';

export function listImages(context: ImageContext, query: ListImagesQuery): ImageSummary[] {
  const passes = imageFilter(context, query.filters);
  const parents = query.all ? new Set<Digest>() : parentsOf(context);
  const shown: { summary: ImageSummary; contents: ImageContents }[] = [];
  for (const record of context.records.all()) {
    const { digest } = record.target;
    const names = context.records.namesOf(digest);
    if (names.length === 0 && parents.has(digest)) continue;
    const passing = names.length === 0 ? [undefined] : names;
    const kept = passing.filter(name => passes(record, name));
    if (kept.length === 0) continue;
    const contents = contentsOf(context, record);
    const summary = summaryOf(context, record, contents);
    const tags = kept.filter(name => name !== undefined && !name.includes('@')) as string[];
    const repositories = new Set(kept.flatMap(name => (name === undefined ? [] : [repositoryOfName(familiar(name))])));
    const digests =
      kept.length === passing.length
        ? summary.RepoDigests
        : summary.RepoDigests.filter(each => repositories.has(repositoryOfName(each)));
    shown.push({ summary: { ...summary, RepoTags: tags.map(familiar), RepoDigests: digests }, contents });
  }
  if (query.sharedSize) {
    for (const [index, shared] of sharedSizes(shown.map(({ contents }) => contents)).entries()) {
      shown[index]!.summary.SharedSize = shared;
    }
  }
  return shown
    .map(({ summary, contents }) => (query.manifests ? { ...summary, Manifests: contents.manifests } : summary))
    .sort((one, other) => other.Created - one.Created);
}

/** 'host:5000/name' of 'host:5000/name:tag' and 'host:5000/name@sha256:...'. */
function repositoryOfName(name: string): string {
  return name.replace(/@.*$/, '').replace(/:[^:/]*$/, '');
}

/** Images that are only there because others were made of them. */
function parentsOf(context: ImageContext): Set<Digest> {
  const parents = new Set<Digest>();
  for (const { parent } of context.records.all()) if (parent) parents.add(parent);
  return parents;
}

function summaryOf(context: ImageContext, record: ImageRecord, contents: ImageContents): ImageSummary {
  const { digest } = record.target;
  const best = chooseIfAny(context.content.manifests, record.target, undefined);
  const created = Date.parse(best?.config.created ?? '');
  const { tags, digests } = repoNames(context, digest);
  return {
    Id: digest,
    ParentId: record.parent ?? '',
    RepoTags: tags,
    RepoDigests: digests,
    Created: Number.isNaN(created) ? 0 : Math.floor(created / 1000),
    Size: contents.size,
    SharedSize: -1,
    Labels: best?.config.config?.Labels ?? {},
    Containers: contents.containers,
    Descriptor: record.target,
  };
}

export function inspectImage(
  context: ImageContext,
  reference: string,
  options: { platform?: Platform; manifests: boolean },
): ImageInspect {
  const record = resolve(context.records, reference);
  const { platform } = options;
  const best = platform
    ? choose(context, record, reference, platform)
    : chooseIfAny(context.content.manifests, record.target, undefined);
  const users = context.users.usersOf(record.target.digest);
  const contents = contentsOf(context, record);
  const target = platform && best ? best.descriptor : record.target;
  const { tags, digests } = repoNames(context, record.target.digest);
  const config = best?.config;
  return {
    Id: target.digest,
    RepoTags: tags,
    RepoDigests: digests,
    Comment: config?.history?.at(-1)?.comment ?? '',
    ...(config?.created && { Created: config.created }),
    Author: config?.author ?? '',
    Config: config?.config ?? {},
    Architecture: config?.architecture ?? '',
    ...(config?.variant && { Variant: config.variant }),
    Os: config?.os ?? '',
    ...(config?.['os.version'] && { OsVersion: config['os.version'] }),
    Size: best ? manifestSummary(context, best, users).Size.Total : contents.size,
    RootFS: {
      Type: 'layers',
      ...(config && config.rootfs.diff_ids.length > 0 && { Layers: config.rootfs.diff_ids }),
    },
    Metadata: { LastTagTime: record.lastTagged },
    Descriptor: target,
    ...(options.manifests && { Manifests: contents.manifests }),
  };
}

export function historyOf(context: ImageContext, reference: string, platform?: Platform): ImageHistoryResponseItem[] {
  const record = resolve(context.records, reference);
  const { config } = choose(context, record, reference, platform);
  const chain = chainIds(config.rootfs.diff_ids);
  let height = 0;
  const items = (config.history ?? []).map(entry => {
    const layer = entry.empty_layer ? undefined : chain[height++];
    const created = Date.parse(entry.created ?? '');
    return {
      Id: '<missing>',
      Created: Number.isNaN(created) ? 0 : Math.floor(created / 1000),
      CreatedBy: entry.created_by ?? '',
      Tags: [] as string[],
      Size: layer === undefined ? 0 : (context.content.layers.info(layer)?.size ?? 0),
      Comment: entry.comment ?? '',
    };
  });
  items.reverse();
  nameAncestors(context, record, items);
  return items;
}

/** The topmost entry is the image itself, those below are the images it was made of, as far as they are known. */
function nameAncestors(context: ImageContext, record: ImageRecord, items: ImageHistoryResponseItem[]): void {
  let at: ImageRecord | undefined = record;
  for (const item of items) {
    if (!at) return;
    item.Id = at.target.digest;
    const { tags } = repoNames(context, at.target.digest);
    if (tags.length > 0) item.Tags = tags;
    at = at.parent && context.records.get(at.parent);
  }
}
