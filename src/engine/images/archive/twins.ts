// Files of an archive whose names don't say their digest, as Docker's old archives have them. Most of what is loaded again is
// in the store already: what has the same bytes is not stored and unpacked once more.
import type { BlobStore } from '../../../content/blobs.ts';
import type { Lease } from '../../../content/store.ts';
import { type Digest, sha256 } from '../../../lib/ids.ts';
import { type ByteSource, collect } from '../../../lib/streams.ts';

/** Up to so many bytes a file is held in memory, and found by its digest. */
const SMALL = 256 * 1024;

/** With `body`, nothing was found: these are the file's bytes as if nobody had looked. */
export type Found = { blob: Digest } | { body: ByteSource };

export class StoredTwins {
  #large: Map<number, Digest[]> | undefined;

  constructor(
    private readonly blobs: BlobStore,
    private readonly lease: Lease,
  ) {}

  async find({ size, body }: { size: number; body: ByteSource }): Promise<Found> {
    if (size <= SMALL) {
      const bytes = await collect(body);
      const digest = sha256(bytes);
      return this.#hold(digest) ? { blob: digest } : { body: once(bytes) };
    }
    let rest = body;
    for (const digest of this.#ofSize(size)) {
      if (!this.#hold(digest)) continue;
      const compared = await this.#compare(digest, rest);
      if ('blob' in compared) return compared;
      rest = compared.body;
    }
    return { body: rest };
  }

  /** Nobody takes it away from now on; false if that has happened already. */
  #hold(digest: Digest): boolean {
    this.lease.blobs.add(digest);
    return this.blobs.has(digest);
  }

  /** Blobs that are too large to be looked up by what they hold. */
  #ofSize(size: number): readonly Digest[] {
    if (!this.#large) {
      this.#large = new Map();
      for (const digest of this.blobs.list()) {
        const length = this.blobs.size(digest) ?? 0;
        if (length > SMALL) this.#large.set(length, [...(this.#large.get(length) ?? []), digest]);
      }
    }
    return this.#large.get(size) ?? [];
  }

  async #compare(digest: Digest, body: ByteSource): Promise<Found> {
    const source = body[Symbol.asyncIterator]();
    const stored = this.blobs.read(digest)[Symbol.asyncIterator]();
    let known: Uint8Array = new Uint8Array(0);
    let same = 0;
    try {
      for (;;) {
        const { value: chunk, done } = await source.next();
        if (done) return { blob: digest };
        let at = 0;
        while (at < chunk.length) {
          if (known.length === 0) known = (await stored.next()).value ?? known;
          const length = Math.min(known.length, chunk.length - at);
          if (length === 0 || Buffer.compare(known.subarray(0, length), chunk.subarray(at, at + length)) !== 0) {
            return { body: this.#startingLike(digest, same, chunk, source) };
          }
          known = known.subarray(length);
          at += length;
        }
        same += chunk.length;
      }
    } finally {
      await stored.return?.();
    }
  }

  /** The first bytes are the blob's own, then they differ. */
  async *#startingLike(digest: Digest, length: number, chunk: Uint8Array, rest: AsyncIterator<Uint8Array>): ByteSource {
    let left = length;
    if (left > 0) {
      for await (const same of this.blobs.read(digest)) {
        yield same.subarray(0, left);
        left -= same.length;
        if (left <= 0) break;
      }
    }
    yield chunk;
    for (let step = await rest.next(); !step.done; step = await rest.next()) yield step.value;
  }
}

async function* once(bytes: Uint8Array): ByteSource {
  yield bytes;
}
