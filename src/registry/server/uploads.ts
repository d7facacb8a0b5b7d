// Uploads under way. Each is a directory: the repository's name, and the bytes that came so far.
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { errnoOf } from '../../lib/errors.ts';
import type { Blobs } from './blobs.ts';
import { namesIn } from './files.ts';
import type { Layout } from './layout.ts';
import { type Algorithm, type ContentDigest, isRepositoryName, type RepositoryName } from './names.ts';
import { Upload, uploadUnknown } from './upload.ts';

const idPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Nobody comes back after a week. */
const MAX_IDLE_MS = 7 * 24 * 3600_000;

export class Uploads {
  readonly #known = new Map<string, Upload>();

  constructor(
    private readonly layout: Layout,
    private readonly blobs: Blobs,
  ) {}

  async begin(repository: RepositoryName, algorithm: Algorithm = 'sha256'): Promise<Upload> {
    const id = randomUUID();
    const directory = `${this.layout.uploads}/${id}`;
    await mkdir(directory);
    await writeFile(`${directory}/data`, '');
    // Last: an upload without it was never told to anybody.
    await writeFile(`${directory}/repository`, repository);
    const upload = new Upload(id, repository, directory, { size: 0, algorithm });
    this.#known.set(id, upload);
    return upload;
  }

  async find(repository: RepositoryName, id: string): Promise<Upload> {
    if (!idPattern.test(id)) throw uploadUnknown();
    const found = this.#known.get(id) ?? (await this.#load(id));
    if (found?.repository !== repository) throw uploadUnknown();
    return found;
  }

  async #load(id: string): Promise<Upload | undefined> {
    const directory = `${this.layout.uploads}/${id}`;
    try {
      const repository = await readFile(`${directory}/repository`, 'utf8');
      if (!isRepositoryName(repository)) return undefined;
      const { size } = await stat(`${directory}/data`);
      // Somebody else may have asked for the same one meanwhile.
      const known = this.#known.get(id);
      if (known) return known;
      const upload = new Upload(id, repository, directory, { size, algorithm: 'sha256' });
      this.#known.set(id, upload);
      return upload;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** The repository has the blob afterwards, or the upload is no more. */
  async finish(upload: Upload, digest: ContentDigest): Promise<void> {
    try {
      await upload.verify(digest);
    } finally {
      this.#known.delete(upload.id);
    }
    await this.blobs.adopt(upload.path, digest);
    await this.blobs.link(upload.repository, digest);
    await rm(upload.directory, { recursive: true, force: true });
  }

  async cancel(upload: Upload): Promise<void> {
    this.#known.delete(upload.id);
    await upload.cancel();
  }

  /** As if it had never begun; it may have ended already. */
  async discard(upload: Upload): Promise<void> {
    this.#known.delete(upload.id);
    await rm(upload.directory, { recursive: true, force: true });
  }

  /** Removes those that nobody goes on with. Returns how many. */
  async removeOld(maxIdleMs = MAX_IDLE_MS): Promise<number> {
    let removed = 0;
    for (const id of await namesIn(this.layout.uploads)) {
      const directory = `${this.layout.uploads}/${id}`;
      const lastUsed = this.#known.get(id)?.lastUsed ?? (await modifiedAt(`${directory}/data`));
      if (Date.now() - lastUsed <= maxIdleMs) continue;
      this.#known.delete(id);
      await rm(directory, { recursive: true, force: true });
      removed++;
    }
    return removed;
  }
}

async function modifiedAt(path: string): Promise<number> {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return 0;
    throw error;
  }
}
