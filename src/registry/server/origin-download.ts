// A blob that comes from the origin of a cache. Those who asked for it read what is there already.
import { type FileHandle, open } from 'node:fs/promises';
import { errnoOf } from '../../lib/errors.ts';
import type { Digest } from '../../lib/ids.ts';
import { log } from '../../lib/logger.ts';
import { Pulse } from '../../lib/pulse.ts';
import { type ByteSource, withoutStart } from '../../lib/streams.ts';
import type { Repository } from '../repository.ts';
import { retrying, type Wait } from '../retry.ts';
import type { ContentDigest, RepositoryName } from './names.ts';
import type { Upload } from './upload.ts';
import type { Uploads } from './uploads.ts';

const ATTEMPTS = 5;
const READ_SIZE = 512 * 1024;

export class OriginDownload {
  /** Its length, as far as the origin says it. */
  readonly begun: Promise<number | undefined>;
  /** The repository has the blob then. */
  readonly done: Promise<void>;
  readonly #pulse = new Pulse();
  #isWhole = false;
  #failure: unknown;

  constructor(
    private readonly from: Repository,
    private readonly digest: ContentDigest,
    private readonly upload: Upload,
    private readonly uploads: Uploads,
  ) {
    const { promise, resolve } = Promise.withResolvers<number | undefined>();
    this.done = this.#run(resolve);
    this.begun = Promise.race([promise, this.done.then(() => undefined)]);
    // Whoever is interested asks for it.
    this.begun.catch(() => {});
  }

  get repository(): RepositoryName {
    return this.upload.repository;
  }

  async #run(begun: (size: number | undefined) => void): Promise<void> {
    const { upload, uploads, digest } = this;
    try {
      await this.#receive(begun);
      await uploads.finish(upload, digest);
      this.#isWhole = true;
    } catch (error) {
      this.#failure = error;
      await uploads.discard(upload);
      throw error;
    } finally {
      this.#pulse.beat();
    }
  }

  async #receive(begun: (size: number | undefined) => void): Promise<void> {
    const { from, upload, digest } = this;
    const onWait = ({ first, error }: Wait) => {
      if (first) log.warn('a download from the origin broke, going on', { digest, at: upload.size, error });
    };
    const more = async () => {
      const { start, size, body } = await from.blob(digest as string as Digest, upload.size);
      begun(size);
      await upload.append(this.#noticed(withoutStart(body, upload.size - start)));
    };
    await retrying({ attempts: ATTEMPTS, onWait }, undefined, more, () => upload.size);
  }

  async *#noticed(source: ByteSource): ByteSource {
    for await (const chunk of source) {
      yield chunk;
      this.#pulse.beat();
    }
  }

  /**
   * All of it, or from one byte up to another. The blob's last byte comes only when the whole is known to be right: until
   * then it is nobody's. Undefined if it is over, one way or the other.
   */
  async follow(
    [start, end]: readonly [number, number] = [0, Number.MAX_SAFE_INTEGER],
  ): Promise<ReadableStream<Uint8Array> | undefined> {
    const file = await openIfThere(this.upload.path);
    if (!file) return undefined;
    let position = start;
    return new ReadableStream<Uint8Array>({
      pull: async controller => {
        try {
          const chunk = position < end ? await this.#next(file, position, end - position) : undefined;
          if (chunk) {
            position += chunk.length;
            controller.enqueue(chunk);
            return;
          }
          controller.close();
        } catch (error) {
          controller.error(error);
        }
        await file.close();
      },
      cancel: () => file.close(),
    });
  }

  /** Waits for it. Undefined after the last. */
  async #next(file: FileHandle, position: number, most: number): Promise<Uint8Array | undefined> {
    for (;;) {
      const seen = this.#pulse.count;
      if (this.#failure !== undefined) throw this.#failure;
      const isWhole = this.#isWhole;
      const available = (isWhole ? this.upload.size : this.upload.size - 1) - position;
      if (available > 0) {
        const chunk = Buffer.allocUnsafe(Math.min(READ_SIZE, available, most));
        const { bytesRead } = await file.read(chunk, 0, chunk.length, position);
        return chunk.subarray(0, bytesRead);
      }
      if (isWhole) return undefined;
      await this.#pulse.after(seen);
    }
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
