// One blob from a registry into the store. Broken connections are taken up where they broke, after a while; what another
// daemon or an earlier try has left is gone on with.
import type { BlobWriter } from '../../../content/blobs.ts';
import type { Descriptor } from '../../../content/oci.ts';
import type { ContentStore, Lease } from '../../../content/store.ts';
import { invalid, isKind, notFound } from '../../../lib/errors.ts';
import type { Digest } from '../../../lib/ids.ts';
import { SharedTasks } from '../../../lib/shared-tasks.ts';
import { withoutStart } from '../../../lib/streams.ts';
import { ConnectionFailure, RegistryFailure } from '../../../registry/failures.ts';
import type { Repository } from '../../../registry/repository.ts';
import { type Wait, waitText } from '../../../registry/retry.ts';
import { type Report, Steps } from '../progress.ts';
import type { Registries } from './registries.ts';

export interface Download {
  descriptor: Descriptor;
  repositories: readonly Repository[];
  lease: Lease;
  report: Report;
  signal: AbortSignal;
  /** Told when bytes begin to come: what is written is right as far as it goes. */
  onWriter?(writer: BlobWriter): void;
  /** What was written so far counts no more. */
  onRestart?(): void;
}

export class Downloader {
  readonly #tasks = new SharedTasks<Digest, void>();

  constructor(
    private readonly content: ContentStore,
    private readonly registries: Registries,
  ) {}

  /** The blob is in the store afterwards. Several who want the same one share it. */
  async fetch(download: Download): Promise<void> {
    const { descriptor, lease, signal } = download;
    lease.blobs.add(descriptor.digest);
    if (this.content.blobs.has(descriptor.digest)) return;
    await this.#tasks.run(descriptor.digest, signal, inner => this.#fetch({ ...download, signal: inner }));
  }

  async #fetch(download: Download): Promise<void> {
    const { descriptor, report, signal } = download;
    const id = descriptor.digest.slice(7, 19);
    report({ status: 'Waiting', progressDetail: {}, id });
    using _slot = await this.registries.downloads.acquire();
    signal.throwIfAborted();
    const writer = await this.content.blobs.resume(descriptor.digest, descriptor.size);
    try {
      if (writer.written > descriptor.size) await writer.restart();
      const resumed = writer.written > 0;
      download.onWriter?.(writer);
      await this.#receive(download, writer, id);
      report({ status: 'Verifying Checksum', progressDetail: {}, id });
      await this.#commit(download, writer, resumed, id);
      report({ status: 'Download complete', progressDetail: {}, id });
    } catch (error) {
      // A connection that broke may come back; content that is wrong only gets in the way.
      if (isKind(error, 'invalid')) await writer.abort();
      else await writer.suspend();
      throw error;
    }
  }

  async #commit(download: Download, writer: BlobWriter, resumed: boolean, id: string): Promise<void> {
    const { descriptor, lease } = download;
    const expected = { digest: descriptor.digest, size: descriptor.size, lease };
    if (resumed && !writer.matches(descriptor.digest)) {
      // What an earlier try left was wrong, or what came now: only a whole download tells.
      await writer.restart();
      download.onRestart?.();
      await this.#receive(download, writer, id);
    }
    try {
      await writer.commit(expected);
    } catch (error) {
      if (!isKind(error, 'invalid')) throw error;
      throw invalid(`filesystem layer verification failed for digest ${descriptor.digest}`, error);
    }
  }

  /** Until as many bytes are there as the manifest says. */
  async #receive(download: Download, writer: BlobWriter, id: string): Promise<void> {
    const { descriptor, repositories, signal, report } = download;
    if (writer.written >= descriptor.size) return;
    const steps = new Steps(report, id, 'Downloading', descriptor.size);
    const read = async (repository: Repository) => {
      await this.#receiveFrom(repository, download, writer, steps);
      if (writer.written < descriptor.size) throw new ConnectionFailure(`${descriptor.digest} ended too early`);
    };
    const onWait = ({ seconds }: Wait) => report({ status: waitText(seconds), progressDetail: {}, id });
    try {
      await this.registries.reading(repositories, signal, read, () => writer.written, onWait);
    } catch (error) {
      if (!(error instanceof RegistryFailure) || error.status !== 404) throw error;
      const where = repositories.at(-1)!;
      throw notFound(
        `${where.host} has lost a part of the image, ${descriptor.digest}: have the image pushed again to ${where.path} (${error.message})`,
        error,
      );
    }
  }

  async #receiveFrom(repository: Repository, download: Download, writer: BlobWriter, steps: Steps): Promise<void> {
    const { descriptor, signal } = download;
    const { start, body } = await repository.blob(descriptor.digest, writer.written, signal);
    // A registry without ranges begins again: what is here already is passed over.
    for await (const fresh of withoutStart(body, writer.written - start)) {
      if (writer.written + fresh.length > descriptor.size) {
        throw invalid(`${descriptor.digest} is longer than the ${descriptor.size} bytes announced`);
      }
      await writer.write(fresh);
      steps.at(writer.written);
    }
  }
}
