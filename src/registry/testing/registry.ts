// A registry for tests: it holds what it is given, writes down what it is asked, and misbehaves on demand.
import { type Digest, sha256 } from '../../lib/ids.ts';

export interface Asked {
  method: string;
  /** Path and query. */
  path: string;
  headers: Headers;
}

/** What a request gets instead of its proper answer; undefined lets it have that. */
export type Misbehaviour = (request: Request, asked: Asked) => Response | undefined | Promise<Response | undefined>;

const PIECE = 64 * 1024;

interface Stored {
  bytes: Buffer;
  mediaType: string;
}

export class TestRegistry implements Disposable {
  readonly #server: Bun.Server<undefined>;
  readonly blobs = new Map<string, Buffer>();
  readonly manifests = new Map<string, Stored>();
  readonly asked: Asked[] = [];
  readonly #uploads = new Map<string, Buffer>();
  misbehave: Misbehaviour = () => undefined;
  /** Told of each request, and of each piece of a blob that goes or comes. */
  onStep: () => void = () => {};

  constructor(options: { tls?: Bun.TLSOptions } = {}) {
    this.#server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      idleTimeout: 120,
      ...(options.tls && { tls: options.tls }),
      fetch: request => this.#answer(request),
    });
  }

  /** As it stands in an image's name. */
  get host(): string {
    return `127.0.0.1:${this.#server.port}`;
  }

  [Symbol.dispose](): void {
    this.#server.stop(true);
  }

  /** All blobs of an image, its manifest under these names as well. */
  hold(
    repository: string,
    image: { blobs: ReadonlyMap<Digest, Buffer>; target: { mediaType: string; digest: Digest } },
    ...tags: string[]
  ): void {
    for (const [digest, bytes] of image.blobs) {
      this.blobs.set(`${repository}@${digest}`, bytes);
      const isManifest = digest === image.target.digest;
      const mediaType = isManifest ? image.target.mediaType : mediaTypeOf(bytes);
      if (mediaType) this.manifests.set(`${repository}@${digest}`, { bytes, mediaType });
    }
    for (const tag of tags)
      this.manifests.set(`${repository}:${tag}`, this.manifests.get(`${repository}@${image.target.digest}`)!);
  }

  /** Requests of a method whose path matches. */
  count(method: string, path: RegExp): number {
    return this.asked.filter(asked => asked.method === method && path.test(asked.path)).length;
  }

  async #answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const asked = { method: request.method, path: url.pathname + url.search, headers: request.headers };
    this.asked.push(asked);
    this.onStep();
    const instead = await this.misbehave(request, asked);
    if (instead) return instead;
    if (url.pathname === '/v2/') return new Response('{}');
    const match = /^\/v2\/(.+)\/(manifests|blobs\/uploads|blobs|tags)\/(.*)$/.exec(url.pathname);
    if (!match) return new Response('not found', { status: 404 });
    const [, repository = '', kind, rest = ''] = match;
    switch (kind) {
      case 'manifests':
        return this.#manifest(request, repository, rest);
      case 'blobs':
        return this.#blob(request, repository, rest);
      case 'tags':
        return this.#tags(repository);
      default:
        return this.#upload(request, repository, rest, url);
    }
  }

  async #manifest(request: Request, repository: string, reference: string): Promise<Response> {
    const key = reference.startsWith('sha256:') ? `${repository}@${reference}` : `${repository}:${reference}`;
    if (request.method === 'PUT') {
      const bytes = Buffer.from(await request.arrayBuffer());
      const stored = { bytes, mediaType: request.headers.get('content-type') ?? '' };
      this.manifests.set(key, stored);
      this.manifests.set(`${repository}@${sha256(bytes)}`, stored);
      return new Response(null, { status: 201, headers: { 'Docker-Content-Digest': sha256(bytes) } });
    }
    const stored = this.manifests.get(key);
    if (!stored) return failure(404, 'MANIFEST_UNKNOWN', 'manifest unknown');
    const headers = { 'Content-Type': stored.mediaType, 'Docker-Content-Digest': sha256(stored.bytes) };
    return new Response(request.method === 'HEAD' ? null : stored.bytes, { headers });
  }

  #blob(request: Request, repository: string, digest: string): Response {
    const bytes = this.blobs.get(`${repository}@${digest}`);
    if (!bytes) return failure(404, 'BLOB_UNKNOWN', 'blob unknown to registry');
    if (request.method === 'HEAD') return new Response(null, { headers: { 'Content-Length': String(bytes.length) } });
    const range = /^bytes=(\d+)-$/.exec(request.headers.get('range') ?? '');
    if (!range) return new Response(this.#inPieces(bytes));
    const start = Number(range[1]);
    const headers = { 'Content-Range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` };
    return new Response(this.#inPieces(bytes.subarray(start)), { status: 206, headers });
  }

  #inPieces(bytes: Buffer): ReadableStream<Uint8Array> {
    let at = 0;
    const pull = (controller: ReadableStreamDefaultController<Uint8Array>) => {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(new Uint8Array(bytes.subarray(at, at + PIECE)));
      at += PIECE;
      this.onStep();
    };
    return new ReadableStream({ pull });
  }

  async #received(request: Request): Promise<Buffer> {
    const pieces: Uint8Array[] = [];
    for await (const piece of request.body ?? []) {
      pieces.push(piece);
      this.onStep();
    }
    return Buffer.concat(pieces);
  }

  #tags(repository: string): Response {
    const prefix = `${repository}:`;
    const tags = [...this.manifests.keys()].filter(key => key.startsWith(prefix)).map(key => key.slice(prefix.length));
    if (tags.length === 0) return failure(404, 'NAME_UNKNOWN', 'repository name not known to registry');
    return Response.json({ name: repository, tags });
  }

  /** What came of an upload before its connection broke. */
  keepOfUpload(path: string, part: Buffer): void {
    const [, id = ''] = /uploads\/([^?]+)/.exec(path) ?? [];
    this.#uploads.set(id, Buffer.concat([this.#uploads.get(id) ?? Buffer.alloc(0), part]));
  }

  async #upload(request: Request, repository: string, id: string, url: URL): Promise<Response> {
    const body = await this.#received(request);
    if (request.method === 'POST') {
      const mounted = this.blobs.get(`${url.searchParams.get('from')}@${url.searchParams.get('mount')}`);
      if (mounted) {
        this.blobs.set(`${repository}@${url.searchParams.get('mount')}`, mounted);
        return new Response(null, { status: 201 });
      }
      const location = `/v2/${repository}/blobs/uploads/${crypto.randomUUID()}?state=1`;
      return new Response(null, { status: 202, headers: { Location: location } });
    }
    if (request.method === 'GET') {
      const has = this.#uploads.get(id);
      if (!has) return failure(404, 'BLOB_UPLOAD_UNKNOWN', 'blob upload unknown to registry');
      const headers = { Location: `${url.pathname}?state=3`, Range: `0-${Math.max(0, has.length - 1)}` };
      return new Response(null, { status: 204, headers });
    }
    const all = Buffer.concat([this.#uploads.get(id) ?? Buffer.alloc(0), body]);
    if (request.method === 'PATCH') {
      this.#uploads.set(id, all);
      return new Response(null, {
        status: 202,
        headers: { Location: `/v2/${repository}/blobs/uploads/${id}?state=2` },
      });
    }
    const digest = url.searchParams.get('digest');
    if (sha256(all) !== digest) return failure(400, 'DIGEST_INVALID', 'provided digest did not match uploaded content');
    this.blobs.set(`${repository}@${digest}`, all);
    return new Response(null, { status: 201 });
  }
}

export function failure(status: number, code: string, message: string, headers: Record<string, string> = {}): Response {
  return Response.json({ errors: [{ code, message }] }, { status, headers });
}

function mediaTypeOf(bytes: Buffer): string | undefined {
  if (bytes[0] !== 0x7b) return undefined;
  const { mediaType } = JSON.parse(bytes.toString('utf8')) as { mediaType?: string };
  return mediaType;
}
