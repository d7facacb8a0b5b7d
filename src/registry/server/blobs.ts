// Content by digest, and which repository has which.
import { stat } from 'node:fs/promises';
import { errnoOf } from '../../lib/errors.ts';
import { RegistryError } from './errors.ts';
import { moveTo, removeFile, writeWhole } from './files.ts';
import type { Layout } from './layout.ts';
import type { ContentDigest, RepositoryName } from './names.ts';

export interface BlobFile {
  path: string;
  size: number;
}

export class Blobs {
  constructor(private readonly layout: Layout) {}

  /** Whoever has it, or nobody any more. */
  async stored(digest: ContentDigest): Promise<BlobFile | undefined> {
    const path = this.layout.blob(digest);
    const size = await sizeOf(path);
    return size === undefined ? undefined : { path, size };
  }

  /** As one repository sees it. */
  async find(repository: RepositoryName, digest: ContentDigest): Promise<BlobFile | undefined> {
    if ((await sizeOf(this.layout.blobLink(repository, digest))) === undefined) return undefined;
    return this.stored(digest);
  }

  async get(repository: RepositoryName, digest: ContentDigest): Promise<BlobFile> {
    const found = await this.find(repository, digest);
    if (!found) throw blobUnknown(digest);
    return found;
  }

  /** Takes over a file whose content has been checked and is on the disk. */
  async adopt(file: string, digest: ContentDigest): Promise<void> {
    if (await this.stored(digest)) await removeFile(file);
    else await moveTo(file, this.layout.blob(digest));
  }

  /** Small content that is in memory. */
  async put(content: Uint8Array, digest: ContentDigest): Promise<void> {
    if (!(await this.stored(digest))) await writeWhole(this.layout.blob(digest), content, this.layout.temporary);
  }

  async link(repository: RepositoryName, digest: ContentDigest): Promise<void> {
    const path = this.layout.blobLink(repository, digest);
    if ((await sizeOf(path)) === undefined) await writeWhole(path, '', this.layout.temporary);
  }

  /** The content stays for other repositories; the garbage collection finds out if there are any. */
  async unlink(repository: RepositoryName, digest: ContentDigest): Promise<void> {
    if (!(await removeFile(this.layout.blobLink(repository, digest)))) throw blobUnknown(digest);
  }
}

export function blobUnknown(digest: ContentDigest): RegistryError {
  return new RegistryError('BLOB_UNKNOWN', 'blob unknown to registry', { detail: { digest } });
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
