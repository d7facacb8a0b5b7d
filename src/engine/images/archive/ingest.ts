// An image archive as it streams by: every file that may be a blob goes into the store unless it is there, layers begin to
// unpack while they still arrive, and the few files that say what it all means are kept.
import type { BlobWriter } from '../../../content/blobs.ts';
import type { UnpackingLayer } from '../../../content/layers.ts';
import type { Lease } from '../../../content/store.ts';
import { decompressAny, detectCompression, NOT_A_TAR } from '../../../lib/compression.ts';
import { invalid, isKind, messageOf } from '../../../lib/errors.ts';
import type { ChainId, Digest } from '../../../lib/ids.ts';
import { type ByteSource, collect } from '../../../lib/streams.ts';
import { readTar, type TarMember } from '../../../lib/tar/reader.ts';
import type { ImageContext } from '../context.ts';
import { type Report, Steps } from '../progress.ts';
import { StoredTwins } from './twins.ts';

const SMALL_FILES = new Set(['oci-layout', 'index.json', 'manifest.json', 'repositories']);
const MAX_SMALL = 8 * 1024 * 1024;
const TAR_MAGIC_AT = 257;

export interface IngestedFile {
  digest: Digest;
  size: number;
}

async function* membersOf(archive: ByteSource): AsyncGenerator<TarMember> {
  let found = false;
  try {
    for await (const member of readTar(decompressAny(archive))) {
      found = true;
      yield member;
    }
  } catch (error) {
    if (found || !isKind(error, 'invalid')) throw error;
    throw invalid(`invalid archive: ${NOT_A_TAR} (${messageOf(error)})`, error);
  }
}

export class IngestedArchive {
  /** What the archive says about itself, by name. */
  readonly documents = new Map<string, Buffer>();
  readonly #files = new Map<string, IngestedFile>();
  readonly #links = new Map<string, string>();
  readonly #layers = new Set<ChainId>();
  /** Blobs that were not in the store before. */
  readonly added = new Set<Digest>();
  readonly #stored: StoredTwins;
  /** Layers that began to unpack, by their blob. */
  readonly #unpacking = new Map<Digest, UnpackingLayer>();

  constructor(
    private readonly context: Pick<ImageContext, 'content' | 'unfinished'>,
    private readonly lease: Lease,
    private readonly report: Report,
  ) {
    this.#stored = new StoredTwins(context.content.blobs, lease);
  }

  async read(archive: ByteSource, signal: AbortSignal): Promise<void> {
    for await (const member of membersOf(archive)) {
      signal.throwIfAborted();
      const name = normalize(member.name);
      if (member.kind === 'symlink') this.#links.set(name, normalize(join(name, member.linkName)));
      else if (member.kind === 'hardlink') this.#links.set(name, normalize(member.linkName));
      else if (member.kind === 'file') await this.#file(name, member, signal);
    }
  }

  /** A file of the archive, by any of its names. */
  file(name: string): IngestedFile {
    let at = normalize(name);
    for (let hops = 0; hops < 8; hops++) {
      const file = this.#files.get(at);
      if (file) return file;
      const target = this.#links.get(at);
      if (target === undefined) break;
      at = target;
    }
    throw invalid(`invalid archive: it has no file ${JSON.stringify(name)}`);
  }

  /** Its files in the store, and layers that are to get their place. */
  get loaded(): { blobs: Digest[]; layers: Iterable<ChainId> } {
    return { blobs: [...this.#files.values()].map(({ digest }) => digest), layers: this.#layers };
  }

  /** These are about to get their place. */
  places(layers: readonly ChainId[]): void {
    for (const layer of layers) this.#layers.add(layer);
    this.context.unfinished.layersLoaded(layers);
  }

  /** Hands over what has begun to unpack; undefined if nothing has. */
  takeUnpacking(blob: Digest): UnpackingLayer | undefined {
    const unpacking = this.#unpacking.get(blob);
    this.#unpacking.delete(blob);
    return unpacking;
  }

  /** What nobody took over is removed. */
  async close(): Promise<void> {
    await Promise.all([...this.#unpacking.values()].map(unpacking => unpacking.discard()));
    this.#unpacking.clear();
  }

  async #file(name: string, member: TarMember, signal: AbortSignal): Promise<void> {
    if (SMALL_FILES.has(name)) {
      if (member.size > MAX_SMALL) throw invalid(`invalid archive: ${name} is too large`);
      this.documents.set(name, await collect(member.body));
      return;
    }
    const stated = /^blobs\/sha256\/([0-9a-f]{64})$/.exec(name);
    const expected = stated ? (`sha256:${stated[1]}` as Digest) : undefined;
    if (name.startsWith('blobs/') && expected === undefined) throw invalid(`invalid archive: unexpected blob ${name}`);
    if (expected !== undefined) {
      this.lease.blobs.add(expected);
      const size = this.context.content.blobs.size(expected);
      if (size !== undefined) {
        this.#files.set(name, { digest: expected, size });
        return;
      }
    }
    const found = expected === undefined ? await this.#stored.find(member) : { body: member.body };
    if ('blob' in found) {
      this.#files.set(name, { digest: found.blob, size: member.size });
      return;
    }
    const file = await this.#blob({ ...member, body: found.body }, expected, signal);
    // Only a blob that says its name can be told to be new.
    if (expected !== undefined) this.added.add(expected);
    this.#files.set(name, file);
  }

  async #blob(
    member: Pick<TarMember, 'name' | 'size' | 'body'>,
    expected: Digest | undefined,
    signal: AbortSignal,
  ): Promise<IngestedFile> {
    const { content, unfinished } = this.context;
    const writer = await content.blobs.writer(member.size);
    const steps = new Steps(this.report, labelOf(expected, member.name), 'Loading layer', member.size);
    let unpacking: UnpackingLayer | undefined;
    try {
      for await (const chunk of member.body) {
        signal.throwIfAborted();
        if (writer.written === 0 && looksLikeLayer(chunk)) unpacking = this.#startUnpacking(writer);
        await writer.write(chunk);
        if (unpacking) steps.at(writer.written);
      }
      const blob = await writer.commit({
        digest: expected,
        size: member.size,
        lease: this.lease,
        onDigest: digest => unfinished.blobLoaded(digest),
      });
      unpacking?.complete(blob.size);
      if (unpacking) await this.#keep(blob.digest, unpacking);
      return blob;
    } catch (error) {
      await unpacking?.discard();
      await writer.abort();
      throw error;
    }
  }

  #startUnpacking(writer: BlobWriter): UnpackingLayer {
    const unpacking = this.context.content.layers.unpack(writer.path);
    writer.onProgress = onDisk => unpacking.available(onDisk);
    return unpacking;
  }

  /** The same layer may be in the archive twice. */
  async #keep(blob: Digest, unpacking: UnpackingLayer): Promise<void> {
    if (this.#unpacking.has(blob)) return unpacking.discard();
    this.#unpacking.set(blob, unpacking);
    // Whoever takes it over hears of what is wrong with it.
    unpacking.makeReady(blob).catch(() => {});
  }
}

function looksLikeLayer(start: Uint8Array): boolean {
  const compression = detectCompression(start);
  if (compression !== 'none') return compression === 'gzip' || compression === 'zstd';
  return Buffer.from(start.subarray(TAR_MAGIC_AT, TAR_MAGIC_AT + 5)).toString('latin1') === 'ustar';
}

function labelOf(digest: Digest | undefined, name: string): string {
  return digest ? digest.slice(7, 19) : name.replace(/\/?layer\.tar$|\.tar$/, '').slice(0, 12);
}

function normalize(name: string): string {
  const parts: string[] = [];
  for (const part of name.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..') parts.pop();
    else parts.push(part);
  }
  return parts.join('/');
}

function join(link: string, target: string): string {
  return target.startsWith('/') ? target : `${link.slice(0, link.lastIndexOf('/') + 1)}${target}`;
}
