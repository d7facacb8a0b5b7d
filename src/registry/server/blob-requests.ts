// Requests about blobs and their uploads.
import { blobUnknown } from './blobs.ts';
import { RegistryError } from './errors.ts';
import type { Call } from './handler.ts';
import { algorithmOf, contentDigest, isAlgorithm, type RepositoryName, repositoryName } from './names.ts';
import type { Origin } from './origin.ts';
import { send } from './sending.ts';
import type { RegistryStore } from './store.ts';
import type { Piece, Upload } from './upload.ts';

export class BlobRequests {
  constructor(
    private readonly store: RegistryStore,
    private readonly origin: Origin | undefined,
  ) {}

  async get(name: RepositoryName, { request, rest }: Call): Promise<Response> {
    const digest = contentDigest(rest);
    const file = await this.store.blobs.find(name, digest);
    if (file) return send(request, { digest, mediaType: 'application/octet-stream', file }, true);
    if (!this.origin) throw blobUnknown(digest);
    return this.origin.blob(name, digest, request);
  }

  async delete(name: RepositoryName, { rest }: Call): Promise<Response> {
    await this.store.blobs.unlink(name, contentDigest(rest));
    return new Response(null, { status: 202 });
  }

  /** An upload begins, or is not needed at all, or all of it comes at once. */
  async start(name: RepositoryName, { request, url }: Call): Promise<Response> {
    const query = url.searchParams;
    const mount = query.get('mount');
    if (mount !== null && (await this.#mount(name, mount, query.get('from')))) return this.#created(name, mount);
    const algorithm = query.get('digest-algorithm') ?? 'sha256';
    if (!isAlgorithm(algorithm)) throw new RegistryError('DIGEST_INVALID', `unsupported digest algorithm ${algorithm}`);
    const given = query.get('digest');
    const digest = given === null ? undefined : contentDigest(given);
    const upload = await this.store.uploads.begin(name, digest ? algorithmOf(digest) : algorithm);
    if (digest === undefined) return uploadResponse(upload, 202);
    try {
      await this.#receive(upload, request);
      await this.store.uploads.finish(upload, digest);
    } catch (error) {
      // Nobody knows its name, so nobody can go on with it.
      await this.store.uploads.discard(upload);
      throw error;
    }
    return this.#created(name, digest);
  }

  async #mount(name: RepositoryName, mount: string, from: string | null): Promise<boolean> {
    const digest = contentDigest(mount);
    const { blobs } = this.store;
    // Everybody who may push here may read all repositories: without a source, any of them will do.
    const found = from === null ? await blobs.stored(digest) : await blobs.find(repositoryName(from), digest);
    if (!found) return false;
    await blobs.link(name, digest);
    return true;
  }

  async status(name: RepositoryName, { rest }: Call): Promise<Response> {
    return uploadResponse(await this.store.uploads.find(name, rest), 204);
  }

  async append(name: RepositoryName, { request, rest }: Call): Promise<Response> {
    const upload = await this.store.uploads.find(name, rest);
    await this.#receive(upload, request);
    return uploadResponse(upload, 202);
  }

  async finish(name: RepositoryName, { request, url, rest }: Call): Promise<Response> {
    const digest = contentDigest(url.searchParams.get('digest') ?? '');
    const upload = await this.store.uploads.find(name, rest);
    await this.#receive(upload, request);
    await this.store.uploads.finish(upload, digest);
    return this.#created(name, digest);
  }

  async cancel(name: RepositoryName, { rest }: Call): Promise<Response> {
    await this.store.uploads.cancel(await this.store.uploads.find(name, rest));
    return new Response(null, { status: 204 });
  }

  async #receive(upload: Upload, request: Request): Promise<void> {
    const piece = pieceOf(request);
    if (!request.body && piece.start === undefined) return;
    try {
      await upload.append(request.body ?? nothing(), piece);
    } catch (error) {
      if (!(error instanceof RegistryError) || error.code !== 'RANGE_INVALID') throw error;
      const { Location, Range } = progressHeaders(upload);
      throw new RegistryError('RANGE_INVALID', error.message, { headers: { Location, Range } });
    }
  }

  #created(name: RepositoryName, digest: string): Response {
    const headers = { Location: `/v2/${name}/blobs/${digest}`, 'Docker-Content-Digest': digest };
    return new Response(null, { status: 201, headers });
  }
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

function uploadResponse(upload: Upload, status: number): Response {
  return new Response(null, { status, headers: progressHeaders(upload) });
}

function progressHeaders(upload: Upload) {
  return {
    Location: `/v2/${upload.repository}/blobs/uploads/${upload.id}`,
    // The end is inclusive, which leaves no way to say "nothing"; this is what everybody says.
    Range: `0-${Math.max(0, upload.size - 1)}`,
    'Docker-Upload-UUID': upload.id,
  };
}

/** Content-Range is "first-last" in this protocol; some send it as HTTP has it. */
function pieceOf(request: Request): Piece {
  const header = request.headers.get('content-range');
  if (header === null) return {};
  const match = /^(?:bytes )?(\d{1,15})-(\d{1,15})(?:\/(?:\d+|\*))?$/.exec(header);
  if (!match) throw new RegistryError('BLOB_UPLOAD_INVALID', 'malformed Content-Range');
  const start = Number(match[1]);
  const length = Number(match[2]) - start + 1;
  const stated = request.headers.get('content-length');
  if (length < 0 || (stated !== null && Number(stated) !== length)) {
    throw new RegistryError('SIZE_INVALID', 'Content-Range and Content-Length do not agree');
  }
  return { start, length };
}
