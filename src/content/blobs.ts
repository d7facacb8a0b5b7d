// The store of blobs. A blob is in it whole and right, or not at all: it is written under another name, hashed on the way,
// and gets its own name last.
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { errnoOf, invalid, notFound } from '../lib/errors.ts';
import { type Digest, isDigest } from '../lib/ids.ts';
import { type ByteSource, withoutFirst } from '../lib/streams.ts';
import type { Durability } from './durability.ts';
import { blobPath, type ContentLayout, partialBlobPath } from './layout.ts';
import { MAX_MANIFEST } from './oci.ts';
import { checkRoom, writeProblem } from './room.ts';

const READ_SIZE = 1024 * 1024;
/** What is given away waits for the garbage collector: less of it at a time makes a smaller heap. */
const FRESH_SIZE = 256 * 1024;
/** Data is written to the file in pieces of at least this size, on another thread. */
const WRITE_SIZE = 1024 * 1024;

export class BlobStore {
  #count = 0;

  constructor(
    private readonly layout: ContentLayout,
    private readonly durability: Durability,
  ) {}

  has(digest: Digest): boolean {
    return existsSync(blobPath(this.layout, digest));
  }

  /** Undefined if it is not here. */
  size(digest: Digest): number | undefined {
    try {
      return statSync(blobPath(this.layout, digest)).size;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  path(digest: Digest): string {
    return blobPath(this.layout, digest);
  }

  /** A manifest or config, whole. */
  readSmall(digest: Digest): Buffer {
    const size = this.size(digest);
    if (size === undefined) throw notFound(`content ${digest} is not in the store`);
    if (size > MAX_MANIFEST) throw invalid(`content ${digest} is too large for a manifest`);
    return readFileSync(this.path(digest));
  }

  /** Its first bytes. */
  async peek(digest: Digest, length = 512): Promise<Uint8Array> {
    const file = await open(this.path(digest), 'r');
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  }

  /** A chunk in the `same` buffer is gone when the next is asked for; `fresh` ones are the reader's. */
  async *read(digest: Digest, start = 0, buffer: 'fresh' | 'same' = 'fresh'): ByteSource {
    const file = await open(this.path(digest), 'r');
    const size = buffer === 'same' ? READ_SIZE : FRESH_SIZE;
    try {
      let chunk = Buffer.allocUnsafe(size);
      for (let position = start; ; ) {
        if (buffer === 'fresh' && position > start) chunk = Buffer.allocUnsafe(size);
        const { bytesRead } = await file.read(chunk, 0, size, position);
        if (bytesRead === 0) return;
        position += bytesRead;
        yield chunk.subarray(0, bytesRead);
      }
    } finally {
      await file.close();
    }
  }

  /** Something small of our own making. */
  async add(content: Uint8Array, digest: Digest, lease: { blobs: Set<Digest> }): Promise<void> {
    lease.blobs.add(digest);
    if (this.has(digest)) return;
    const writer = await this.writer();
    await writer.write(content);
    await writer.commit({ digest, size: content.length });
  }

  /** For a blob of at most so many bytes. The owner must `commit` or `abort` it. */
  async writer(size = 0): Promise<BlobWriter> {
    checkRoom(this.layout.ingest, size);
    const path = `${this.layout.ingest}/blob-${process.pid}-${++this.#count}`;
    return new BlobWriter(path, await open(path, 'wx+', 0o600), digest => this.#adopt(path, digest));
  }

  /** Goes on with what an earlier download, perhaps of another process, has left of this blob of so many bytes. */
  async resume(digest: Digest, size: number): Promise<BlobWriter> {
    checkRoom(this.layout.ingest, size);
    const path = partialBlobPath(this.layout, digest);
    const writer = new BlobWriter(path, await open(path, 'a+', 0o600), final => this.#adopt(path, final));
    await writer.rehash();
    return writer;
  }

  async #adopt(path: string, digest: Digest): Promise<void> {
    await this.durability.beforeChange();
    renameSync(path, blobPath(this.layout, digest));
  }

  /** A name for a file that somebody else writes and `adoptFile` takes over. */
  temporaryFile(): string {
    return `${this.layout.ingest}/file-${process.pid}-${++this.#count}`;
  }

  /** Takes over a file whose digest is known to be right. */
  async adoptFile(path: string, digest: Digest): Promise<void> {
    await this.#adopt(path, digest);
  }

  discardFile(path: string): void {
    rmSync(path, { force: true });
  }

  /** Takes the blob out of the store at once; whoever reads it at the moment reads on. */
  remove(digest: Digest): void {
    rmSync(blobPath(this.layout, digest), { force: true });
  }

  list(): Digest[] {
    return readdirSync(this.layout.blobs)
      .map(name => `sha256:${name}`)
      .filter(isDigest);
  }
}

export interface ExpectedBlob {
  digest?: Digest;
  size?: number;
  /** Holds the blob from the moment it is in the store. */
  lease?: { blobs: Set<Digest> };
  /** Told what it is just before it is in the store. */
  onDigest?(digest: Digest): void;
}

/** Takes a blob's bytes in order. Chunks must not change after they are handed over. */
export class BlobWriter {
  /** Bytes taken so far. */
  written = 0;
  /** Bytes that others can read in the file. */
  onDisk = 0;
  /** Told whenever `onDisk` has grown. */
  onProgress: (onDisk: number) => void = () => {};
  #hasher = new Bun.CryptoHasher('sha256');
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #writing: Promise<void> | undefined;
  #state: 'open' | 'committed' | 'aborted' = 'open';

  constructor(
    readonly path: string,
    private readonly file: FileHandle,
    private readonly adopt: (digest: Digest) => Promise<void>,
  ) {}

  /** Waits only while the disk is slower than the source. */
  async write(chunk: Uint8Array): Promise<void> {
    this.#hasher.update(chunk);
    this.written += chunk.length;
    this.#pending.push(chunk);
    this.#pendingBytes += chunk.length;
    if (this.#pendingBytes < WRITE_SIZE) return;
    // One batch is being written while the next one fills up.
    await this.#writing;
    this.#writing = this.#flush();
    this.#writing.catch(() => {
      // Reported by whoever waits for it next.
    });
  }

  async #flush(): Promise<void> {
    const batch = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    let position = this.onDisk;
    for (let left: readonly Uint8Array[] = batch; left.length > 0; ) {
      const { bytesWritten } = await this.file.writev(left, position).catch((error: unknown) => {
        throw writeProblem(error);
      });
      position += bytesWritten;
      left = withoutFirst(left, bytesWritten);
    }
    this.onDisk = position;
    this.onProgress(position);
  }

  /** All that was written is in the file afterwards. */
  async flush(): Promise<void> {
    await this.#writing;
    await this.#flush();
  }

  /** Takes over what the file holds already. */
  async rehash(): Promise<void> {
    const chunk = Buffer.allocUnsafe(READ_SIZE);
    for (let position = 0; ; ) {
      const { bytesRead } = await this.file.read(chunk, 0, READ_SIZE, position);
      if (bytesRead === 0) break;
      this.#hasher.update(chunk.subarray(0, bytesRead));
      position += bytesRead;
      this.written = position;
      this.onDisk = position;
    }
  }

  /** True if what was written is the whole content of this digest. */
  matches(digest: Digest): boolean {
    return `sha256:${this.#hasher.copy().digest('hex')}` === digest;
  }

  /** Starts again from nothing: what came so far was not what it should be. */
  async restart(): Promise<void> {
    await this.#writing;
    this.#pending = [];
    this.#pendingBytes = 0;
    await this.file.truncate(0);
    this.#hasher = new Bun.CryptoHasher('sha256');
    this.written = 0;
    this.onDisk = 0;
  }

  /** The blob is in the store afterwards, or an error tells what is wrong with it and nothing is left. */
  async commit(expected: ExpectedBlob = {}): Promise<{ digest: Digest; size: number }> {
    try {
      await this.flush();
      const digest = `sha256:${this.#hasher.digest('hex')}` as Digest;
      if (expected.size !== undefined && expected.size !== this.written) {
        throw invalid(`content has ${this.written} bytes instead of ${expected.size}`);
      }
      if (expected.digest !== undefined && expected.digest !== digest) {
        throw invalid(`content has the digest ${digest} instead of ${expected.digest}`);
      }
      expected.lease?.blobs.add(digest);
      expected.onDigest?.(digest);
      await this.file.chmod(0o644);
      await this.adopt(digest);
      this.#state = 'committed';
      await this.file.close();
      return { digest, size: this.written };
    } catch (error) {
      await this.abort();
      throw writeProblem(error);
    }
  }

  /** Nothing is left afterwards. May be called at any time. */
  async abort(): Promise<void> {
    if (this.#state !== 'open') return;
    rmSync(this.path, { force: true });
    await this.#close();
  }

  /** Leaves the file for a later `resume`. */
  async suspend(): Promise<void> {
    if (this.#state !== 'open') return;
    try {
      await this.flush();
    } catch {
      // What the file lacks will have to come again.
    }
    await this.#close();
  }

  async #close(): Promise<void> {
    this.#state = 'aborted';
    try {
      await this.#writing;
    } catch {
      // The file is given up anyway.
    }
    await this.file.close();
  }
}
