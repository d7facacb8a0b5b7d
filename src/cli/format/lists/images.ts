// Images in lists: one row per name.
import { DockyardError } from '../../../lib/errors.ts';
import { shortId } from '../../../lib/ids.ts';
import { familiarRepository, parseReference, type Reference } from '../../../lib/reference.ts';
import type { ImageSummary } from '../../../wire/types.ts';
import { ago } from '../human-duration.ts';
import type { Listing } from '../listing.ts';
import { localTimeText } from '../local-time.ts';
import { humanSize } from '../units.ts';

export interface ImageRow {
  image: ImageSummary;
  repository: string;
  tag: string;
  digest: string;
  truncate: boolean;
}

const NONE = '<none>';

const rawTop = 'repository: {{ .Repository }}\ntag: {{.Tag}}\n';
const rawBottom = 'image_id: {{.ID}}\ncreated_at: {{.CreatedAt}}\nvirtual_size: {{.Size}}\n';

const counted = (count: number | undefined) => (count === -1 || count === undefined ? 'N/A' : String(count));

export const imageListing: Listing<ImageRow> = {
  type: '*formatter.imageContext',
  table: ['Repository', 'Tag', 'ID', 'CreatedSince', 'Size'],
  raw: rawTop + rawBottom,
  quiet: 'ID',
  rawQuiet: 'image_id: {{.ID}}',
  columns: {
    ID: { header: 'IMAGE ID', value: ({ image, truncate }) => (truncate ? shortId(image.Id) : image.Id) },
    Repository: { header: 'REPOSITORY', value: row => row.repository },
    Tag: { header: 'TAG', value: row => row.tag },
    Digest: { header: 'DIGEST', value: row => row.digest },
    CreatedSince: { header: 'CREATED', value: ({ image }) => ago(image.Created) },
    CreatedAt: { header: 'CREATED AT', value: ({ image }) => localTimeText(image.Created) },
    Size: { header: 'SIZE', value: ({ image }) => humanSize(image.Size, 3) },
    Containers: { header: 'CONTAINERS', value: ({ image }) => counted(image.Containers) },
    VirtualSize: { header: 'SIZE', value: ({ image }) => humanSize(image.Size) },
    SharedSize: {
      header: 'SHARED SIZE',
      value: ({ image }) => (image.SharedSize === -1 ? 'N/A' : humanSize(image.SharedSize)),
    },
    UniqueSize: {
      header: 'UNIQUE SIZE',
      value: ({ image }) =>
        image.Size === -1 || image.SharedSize === -1 ? 'N/A' : humanSize(image.Size - image.SharedSize),
    },
  },
};

export const imageListingWithDigests: Listing<ImageRow> = {
  ...imageListing,
  table: ['Repository', 'Tag', 'Digest', 'ID', 'CreatedSince', 'Size'],
  raw: `${rawTop}digest: {{.Digest}}\n${rawBottom}`,
};

export function isDangling({ RepoTags: tags, RepoDigests: digests }: ImageSummary): boolean {
  if (!tags?.length && !digests?.length) return true;
  return tags?.length === 1 && tags[0] === '<none>:<none>' && digests?.length === 1 && digests[0] === '<none>@<none>';
}

export interface RowOptions {
  truncate: boolean;
  /** One row per digest, too. */
  digests: boolean;
  /** The template shows digests, but `--digests` was not given. */
  digestsShown: boolean;
}

/** One row for each name of the image. */
export function imageRows(image: ImageSummary, { truncate, digests, digestsShown }: RowOptions): ImageRow[] {
  const row = (repository: string, tag: string, digest: string): ImageRow => ({
    image,
    repository,
    tag,
    digest,
    truncate,
  });
  if (isDangling(image)) return [row(NONE, NONE, NONE)];
  const tags = byRepository(image.RepoTags, reference => reference.tag);
  const others = byRepository(image.RepoDigests, reference => reference.digest);
  const rows: ImageRow[] = [];
  for (const [repository, names] of tags) {
    const shown = digests || digestsShown ? (others.get(repository) ?? []) : [];
    others.delete(repository);
    for (const tag of names) {
      if (shown.length === 0) rows.push(row(repository, tag, NONE));
      for (const digest of shown) rows.push(row(repository, tag, digest));
    }
  }
  for (const [repository, names] of others) {
    if (digests) for (const digest of names) rows.push(row(repository, NONE, digest));
    else rows.push(row(repository, NONE, ''));
  }
  return rows;
}

function byRepository(
  names: readonly string[] | null | undefined,
  part: (reference: Reference) => string | undefined,
): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const name of names ?? []) {
    const reference = tryParse(name);
    const value = reference && part(reference);
    if (!reference || value === undefined) continue;
    const repository = familiarRepository(reference);
    found.set(repository, [...(found.get(repository) ?? []), value]);
  }
  return found;
}

function tryParse(name: string): Reference | undefined {
  try {
    return parseReference(name);
  } catch (error) {
    if (error instanceof DockyardError) return undefined;
    throw error;
  }
}

/** The row of an image where only one is shown: its first tag. */
export function firstRow(image: ImageSummary, truncate: boolean): ImageRow | undefined {
  const first = isDangling(image) ? undefined : image.RepoTags?.[0];
  if (first === undefined) return { image, repository: NONE, tag: NONE, digest: '', truncate };
  const reference = tryParse(first);
  if (!reference) return undefined;
  const tagged = reference.tag !== undefined;
  return {
    image,
    repository: tagged ? familiarRepository(reference) : NONE,
    tag: reference.tag ?? NONE,
    digest: '',
    truncate,
  };
}
