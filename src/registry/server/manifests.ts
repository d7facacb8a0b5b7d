// Manifests, their tags, and who refers to whom, of all repositories.
import { readFile, stat } from 'node:fs/promises';
import { errnoOf } from '../../lib/errors.ts';
import { Mutex } from '../../lib/mutex.ts';
import type { BlobFile, Blobs } from './blobs.ts';
import { RegistryError } from './errors.ts';
import { namesIn, removeFile, writeWhole } from './files.ts';
import type { Layout } from './layout.ts';
import { invalidManifest, type ManifestContent, readManifest } from './manifest-content.ts';
import {
  algorithmOf,
  type ContentDigest,
  digestOf,
  isContentDigest,
  isTag,
  type RepositoryName,
  type TagName,
} from './names.ts';

export interface StoredManifest {
  digest: ContentDigest;
  mediaType: string;
  file: BlobFile;
}

export interface Referrer {
  mediaType: string;
  digest: ContentDigest;
  size: number;
  artifactType?: string;
  annotations?: Record<string, string>;
}

export interface ManifestUpload {
  bytes: Uint8Array;
  mediaType: string;
  /** What it must have, if it is known. */
  digest?: ContentDigest;
  tags: readonly TagName[];
  /** A cache has only those parts that were asked for. */
  partsMayBeMissing?: boolean;
}

export class Manifests {
  /** One at a time per repository: a deleted manifest must not get a tag in the same moment. */
  readonly #writing = new Map<RepositoryName, Mutex>();

  constructor(
    private readonly layout: Layout,
    private readonly blobs: Blobs,
  ) {}

  async hasRepository(name: RepositoryName): Promise<boolean> {
    const [manifests, all] = await Promise.all([
      namesIn(this.layout.manifests(name)),
      namesIn(this.layout.repository(name)),
    ]);
    return manifests.length > 0 || all.includes('_blobs');
  }

  async checkRepository(name: RepositoryName): Promise<void> {
    if (await this.hasRepository(name)) return;
    throw new RegistryError('NAME_UNKNOWN', 'repository name not known to registry', { detail: { name } });
  }

  async find(name: RepositoryName, reference: TagName | ContentDigest): Promise<StoredManifest | undefined> {
    const digest = isContentDigest(reference) ? reference : await this.#tagged(name, reference);
    if (!digest) return undefined;
    const mediaType = await textOf(this.layout.manifestLink(name, digest));
    const file = mediaType === undefined ? undefined : await this.blobs.stored(digest);
    return mediaType !== undefined && file ? { digest, mediaType, file } : undefined;
  }

  async get(name: RepositoryName, reference: TagName | ContentDigest): Promise<StoredManifest> {
    const found = await this.find(name, reference);
    if (found) return found;
    await this.checkRepository(name);
    throw manifestUnknown(reference);
  }

  async #tagged(name: RepositoryName, tag: TagName): Promise<ContentDigest | undefined> {
    const digest = await textOf(this.layout.tag(name, tag));
    return isContentDigest(digest) ? digest : undefined;
  }

  async put(name: RepositoryName, upload: ManifestUpload): Promise<{ digest: ContentDigest; subject?: ContentDigest }> {
    const { bytes, tags } = upload;
    const content = readManifest(bytes, upload.mediaType);
    const digest = digestOf(upload.digest ? algorithmOf(upload.digest) : 'sha256', bytes);
    if (upload.digest && upload.digest !== digest) {
      throw new RegistryError('DIGEST_INVALID', 'provided digest did not match uploaded content');
    }
    using _ = await this.#lock(name);
    if (!upload.partsMayBeMissing) await this.#checkParts(name, content);
    await this.blobs.put(bytes, digest);
    const { subject, mediaType, artifactType, annotations } = content;
    if (subject) {
      const referrer: Referrer = { mediaType, digest, size: bytes.length, artifactType, annotations };
      const path = this.layout.referrer(name, subject, digest);
      // Before the manifest itself: a referrer of a manifest that never came is left out of the list.
      await writeWhole(path, JSON.stringify(referrer), this.layout.temporary);
    }
    await writeWhole(this.layout.manifestLink(name, digest), mediaType, this.layout.temporary);
    for (const tag of tags) await writeWhole(this.layout.tag(name, tag), digest, this.layout.temporary);
    return { digest, subject };
  }

  /** What is stored is whole: nobody meets an image here that cannot be pulled. */
  async #checkParts(name: RepositoryName, { blobs, manifests }: ManifestContent): Promise<void> {
    const missing: ContentDigest[] = [];
    for (const { digest, size } of blobs) {
      const blob = await this.blobs.find(name, digest);
      if (!blob) missing.push(digest);
      else if (blob.size !== size) throw invalidManifest(`${digest} has ${blob.size} bytes, not ${size}`);
    }
    for (const { digest, size } of manifests) {
      const manifest = await this.find(name, digest);
      if (!manifest) missing.push(digest);
      else if (manifest.file.size !== size)
        throw invalidManifest(`${digest} has ${manifest.file.size} bytes, not ${size}`);
    }
    if (missing.length === 0) return;
    throw new RegistryError('MANIFEST_BLOB_UNKNOWN', 'manifest references a manifest or blob unknown to registry', {
      detail: missing.map(digest => ({ digest })),
    });
  }

  async deleteTag(name: RepositoryName, tag: TagName): Promise<void> {
    using _ = await this.#lock(name);
    if (!(await removeFile(this.layout.tag(name, tag)))) {
      await this.checkRepository(name);
      throw manifestUnknown(tag);
    }
  }

  /** With all tags that lead to it. */
  async delete(name: RepositoryName, digest: ContentDigest): Promise<void> {
    using _ = await this.#lock(name);
    const found = await this.get(name, digest);
    for (const tag of await this.tags(name)) {
      if ((await this.#tagged(name, tag)) === digest) await removeFile(this.layout.tag(name, tag));
    }
    const { subject } = readManifest(await readFile(found.file.path), found.mediaType);
    if (subject) await removeFile(this.layout.referrer(name, subject, digest));
    await removeFile(this.layout.manifestLink(name, digest));
  }

  async tags(name: RepositoryName): Promise<TagName[]> {
    return (await namesIn(this.layout.tags(name))).filter(isTag);
  }

  async digests(name: RepositoryName): Promise<ContentDigest[]> {
    const all: string[] = [];
    for (const algorithm of ['sha256', 'sha512']) {
      const names = await namesIn(`${this.layout.manifests(name)}/${algorithm}`);
      all.push(...names.map(hex => `${algorithm}:${hex}`));
    }
    return all.filter(isContentDigest);
  }

  async referrers(name: RepositoryName, subject: ContentDigest): Promise<Referrer[]> {
    const directory = this.layout.referrers(name, subject);
    const found: Referrer[] = [];
    for (const file of await namesIn(directory)) {
      const text = await textOf(`${directory}/${file}`);
      if (text === undefined) continue;
      const referrer = JSON.parse(text) as Referrer;
      if (await isThere(this.layout.manifestLink(name, referrer.digest))) found.push(referrer);
    }
    return found;
  }

  async #lock(name: RepositoryName): Promise<Disposable> {
    let mutex = this.#writing.get(name);
    if (!mutex) {
      mutex = new Mutex();
      this.#writing.set(name, mutex);
    }
    return mutex.lock();
  }
}

function manifestUnknown(reference: string): RegistryError {
  const detail = isContentDigest(reference) ? { digest: reference } : { tag: reference };
  return new RegistryError('MANIFEST_UNKNOWN', 'manifest unknown to registry', { detail });
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}
