// Where things are below the registry's root:
//
//   blobs/<algorithm>/<2 digits>/<hex>              content, of layers and manifests alike
//   repositories/<name>/_blobs/<algorithm>/<hex>    this repository has that blob (empty)
//   repositories/<name>/_manifests/<algorithm>/<hex>   ... that manifest; holds its media type
//   repositories/<name>/_tags/<tag>                 holds a digest
//   repositories/<name>/_referrers/<algorithm>/<hex>/<algorithm>-<hex>   a manifest that speaks of another one; holds its descriptor
//   uploads/<id>/                                   blobs that are not whole yet
//   temporary/                                      emptied at every start
//
// A name's parts never begin with "_", so no repository can be inside of another one's files.
import { closeSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { tryLock } from '../../kernel/lock.ts';
import { failed } from '../../lib/errors.ts';
import { algorithmOf, type ContentDigest, hexOf, type RepositoryName, type TagName } from './names.ts';

export class Layout {
  constructor(readonly root: string) {}

  get blobs(): string {
    return `${this.root}/blobs`;
  }
  get repositories(): string {
    return `${this.root}/repositories`;
  }
  get uploads(): string {
    return `${this.root}/uploads`;
  }
  get temporary(): string {
    return `${this.root}/temporary`;
  }

  blob(digest: ContentDigest): string {
    const hex = hexOf(digest);
    return `${this.blobs}/${algorithmOf(digest)}/${hex.slice(0, 2)}/${hex}`;
  }

  repository(name: RepositoryName): string {
    return `${this.repositories}/${name}`;
  }

  blobLink(name: RepositoryName, digest: ContentDigest): string {
    return `${this.repository(name)}/_blobs/${algorithmOf(digest)}/${hexOf(digest)}`;
  }

  manifests(name: RepositoryName): string {
    return `${this.repository(name)}/_manifests`;
  }

  manifestLink(name: RepositoryName, digest: ContentDigest): string {
    return `${this.manifests(name)}/${algorithmOf(digest)}/${hexOf(digest)}`;
  }

  tags(name: RepositoryName): string {
    return `${this.repository(name)}/_tags`;
  }

  tag(name: RepositoryName, tag: TagName): string {
    return `${this.tags(name)}/${tag}`;
  }

  referrers(name: RepositoryName, subject: ContentDigest): string {
    return `${this.repository(name)}/_referrers/${algorithmOf(subject)}/${hexOf(subject)}`;
  }

  referrer(name: RepositoryName, subject: ContentDigest, digest: ContentDigest): string {
    return `${this.referrers(name, subject)}/${digest.replace(':', '-')}`;
  }
}

/** One process at a time works on a root. What the last one left half-done in `temporary` is gone afterwards. */
export function openLayout(root: string): Layout & Disposable {
  const layout = new Layout(root);
  for (const directory of [layout.blobs, layout.repositories, layout.uploads])
    mkdirSync(directory, { recursive: true });
  const lock = openSync(`${root}/lock`, 'a', 0o600);
  if (!tryLock(lock)) {
    closeSync(lock);
    throw failed(`${root} is in use by another registry process: stop it first`);
  }
  rmSync(layout.temporary, { recursive: true, force: true });
  mkdirSync(layout.temporary);
  return Object.assign(layout, { [Symbol.dispose]: () => closeSync(lock) });
}
