// A blob that comes in pieces, perhaps over several connections, perhaps with a restart of the registry in between. The
// file is the truth: its size is how much there is.
import { type FileHandle, open, rm } from 'node:fs/promises';
import { Mutex } from '../../lib/mutex.ts';
import { RegistryError } from './errors.ts';
import { type Algorithm, algorithmOf, type ContentDigest, type RepositoryName } from './names.ts';

const WRITE_SIZE = 512 * 1024;
const READ_SIZE = 1024 * 1024;

/** The bytes a request says it brings. */
export interface Piece {
  /** Where they begin; at the end of what is there if it does not say. */
  start?: number;
  length?: number;
}

export class Upload {
  size: number;
  lastUsed = Date.now();
  #hasher: Bun.CryptoHasher;
  #hashed = 0;
  #algorithm: Algorithm;
  #ended = false;
  readonly #mutex = new Mutex();

  constructor(
    readonly id: string,
    readonly repository: RepositoryName,
    readonly directory: string,
    { size, algorithm }: { size: number; algorithm: Algorithm },
  ) {
    this.size = size;
    this.#algorithm = algorithm;
    this.#hasher = new Bun.CryptoHasher(algorithm);
  }

  get path(): string {
    return `${this.directory}/data`;
  }

  /** What arrives before a connection breaks is kept. */
  async append(body: AsyncIterable<Uint8Array>, piece: Piece = {}): Promise<void> {
    using _ = await this.#mutex.lock();
    this.#check();
    if (piece.start !== undefined && piece.start !== this.size) {
      throw new RegistryError('RANGE_INVALID', `the upload goes on at byte ${this.size}`);
    }
    const before = this.size;
    const file = await open(this.path, 'r+');
    try {
      await this.#write(file, body);
      if (piece.length === undefined || this.size - before === piece.length) return;
      // A lie about the length: none of it counts.
      await file.truncate(before);
      const got = this.size - before;
      this.#restart(before);
      throw new RegistryError('SIZE_INVALID', `${got} bytes came instead of ${piece.length}`);
    } finally {
      await file.close();
    }
  }

  async #write(file: FileHandle, body: AsyncIterable<Uint8Array>): Promise<void> {
    let batch: Uint8Array[] = [];
    let bytes = 0;
    const flush = async () => {
      const taken = batch.length === 1 ? batch[0]! : Buffer.concat(batch);
      batch = [];
      bytes = 0;
      for (let at = 0; at < taken.length; ) {
        const { bytesWritten } = await file.write(taken, at, taken.length - at, this.size + at);
        at += bytesWritten;
      }
      if (this.#hashed === this.size) {
        this.#hasher.update(taken);
        this.#hashed += taken.length;
      }
      this.size += taken.length;
      this.lastUsed = Date.now();
    };
    try {
      for await (const chunk of body) {
        batch.push(chunk);
        bytes += chunk.length;
        if (bytes >= WRITE_SIZE) await flush();
      }
    } finally {
      if (bytes > 0) await flush();
    }
  }

  /** The file is on the disk and has this content, or the upload is no more. The caller moves the file away. */
  async verify(digest: ContentDigest): Promise<void> {
    using _ = await this.#mutex.lock();
    this.#check();
    const file = await open(this.path, 'r');
    try {
      if (this.#algorithm !== algorithmOf(digest)) {
        this.#algorithm = algorithmOf(digest);
        this.#restart(this.size);
      }
      await this.#hashRest(file);
      const actual = `${this.#algorithm}:${this.#hasher.copy().digest('hex')}`;
      if (actual !== digest) {
        await this.#remove();
        throw new RegistryError('DIGEST_INVALID', 'provided digest did not match uploaded content', {
          detail: { digest, actual },
        });
      }
      await file.sync();
      this.#ended = true;
    } finally {
      await file.close();
    }
  }

  async cancel(): Promise<void> {
    using _ = await this.#mutex.lock();
    this.#check();
    await this.#remove();
  }

  async #remove(): Promise<void> {
    this.#ended = true;
    await rm(this.directory, { recursive: true, force: true });
  }

  /** What was written before a restart, or must be read with another algorithm. */
  async #hashRest(file: FileHandle): Promise<void> {
    const chunk = Buffer.allocUnsafe(Math.min(READ_SIZE, Math.max(1, this.size - this.#hashed)));
    while (this.#hashed < this.size) {
      const { bytesRead } = await file.read(chunk, 0, chunk.length, this.#hashed);
      if (bytesRead === 0) throw new RegistryError('BLOB_UPLOAD_INVALID', 'the upload has become shorter');
      this.#hasher.update(chunk.subarray(0, bytesRead));
      this.#hashed += bytesRead;
    }
  }

  #restart(size: number): void {
    this.size = size;
    this.#hashed = 0;
    this.#hasher = new Bun.CryptoHasher(this.#algorithm);
  }

  /** Whoever waited for the lock may find that another request has ended the upload. */
  #check(): void {
    if (this.#ended) throw uploadUnknown();
  }
}

export function uploadUnknown(): RegistryError {
  return new RegistryError('BLOB_UPLOAD_UNKNOWN', 'blob upload unknown to registry');
}
