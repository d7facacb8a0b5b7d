// Which repositories there are, and lists that come in pages.
import { RegistryError } from './errors.ts';
import { namesIn } from './files.ts';
import type { Layout } from './layout.ts';
import { isRepositoryName, type RepositoryName } from './names.ts';

/** Sorted; those that had a manifest at some time, or a blob. */
export async function repositories(
  layout: Layout,
  having: '_manifests' | '_blobs' = '_manifests',
): Promise<RepositoryName[]> {
  const found: RepositoryName[] = [];
  const visit = async (path: string) => {
    const names = await namesIn(`${layout.repositories}${path === '' ? '' : `/${path}`}`);
    if (names.includes(having) && isRepositoryName(path)) found.push(path);
    for (const name of names) if (!name.startsWith('_')) await visit(path === '' ? name : `${path}/${name}`);
  };
  await visit('');
  return found.sort();
}

export interface Page<T> {
  items: T[];
  /** The Link header, if more follows. */
  link?: string;
}

/** `all` is sorted. `path` is what the next page's address begins with. */
export function page<T extends string>(
  all: readonly T[],
  query: URLSearchParams,
  path: string,
  limit?: number,
): Page<T> {
  const asked = query.get('n');
  if (asked !== null && !/^\d{1,9}$/.test(asked)) {
    throw new RegistryError('PAGINATION_NUMBER_INVALID', 'invalid number of results requested', {
      detail: { n: asked },
    });
  }
  const last = query.get('last') ?? '';
  const rest = last === '' ? all : all.filter(item => item > last);
  const count = asked === null ? (limit ?? rest.length) : Math.min(Number(asked), limit ?? Number(asked));
  const items = rest.slice(0, count);
  if (items.length === 0 || items.length === rest.length) return { items };
  const next = new URLSearchParams({ last: items.at(-1)!, n: String(count) });
  return { items, link: `<${path}?${next}>; rel="next"` };
}
