// docker pull: the manifest, then what it points at for one platform, side by side; layers unpack while they come.
import type { UnpackingLayer } from '../../../content/layers.ts';
import { type Descriptor, isImageConfig, type Manifest, parseConfig } from '../../../content/oci.ts';
import { type StackLayer, stackOf } from '../../../content/stack.ts';
import type { Lease } from '../../../content/store.ts';
import { invalid, notFound } from '../../../lib/errors.ts';
import type { Digest } from '../../../lib/ids.ts';
import { formatPlatform, hostPlatform, type Platform, platformRank, samePlatform } from '../../../lib/platform.ts';
import {
  canonicalName,
  familiarName,
  familiarRepository,
  isNameOnly,
  type Reference,
  withTag,
} from '../../../lib/reference.ts';
import { RegistryFailure } from '../../../registry/failures.ts';
import type { FetchedManifest, Repository } from '../../../registry/repository.ts';
import { type Wait, waitText } from '../../../registry/retry.ts';
import type { PullGate } from '../../trust/trust.ts';
import { collectContent, type ImageContext, publishImage } from '../context.ts';
import type { ProgressMessage, TransferRequest } from '../images.ts';
import { type Report, Steps, withProgress } from '../progress.ts';
import { platformOf } from '../resolve.ts';
import { mayGoOn } from '../unfinished.ts';
import type { Downloader } from './download.ts';
import type { Registries } from './registries.ts';

export interface PullContext extends ImageContext {
  readonly registries: Registries;
  readonly downloader: Downloader;
  readonly trust: PullGate;
}

export function pullImages(context: PullContext, request: TransferRequest): AsyncIterable<ProgressMessage> {
  return withProgress(request.signal, async (report, signal) => {
    const { reference, credentials } = request;
    const { registries } = context;
    const repositories = await registries.forPull(reference, credentials, waiting(report));
    if (!isNameOnly(reference)) {
      await new Pull(context, reference, request, repositories, report, signal).run();
      return;
    }
    const tags = await explained(reference, () =>
      registries.firstOf(repositories, signal, repository => repository.tags(signal), waiting(report)),
    );
    if (tags.length === 0) throw notFound(`repository ${familiarRepository(reference)} has no tags`);
    for (const tag of tags) {
      await new Pull(context, withTag(reference, tag), request, repositories, report, signal).run();
    }
  });
}

class Pull {
  readonly #lease: Lease;
  /** Layers whose progress is shown, each once. */
  readonly #shown = new Set<string>();

  constructor(
    private readonly context: PullContext,
    private readonly reference: Reference,
    private readonly request: Pick<TransferRequest, 'platform' | 'signatureRequired'>,
    private readonly repositories: readonly Repository[],
    private readonly report: Report,
    private readonly signal: AbortSignal,
  ) {
    this.#lease = context.content.lease();
  }

  async run(): Promise<void> {
    const { context, reference, report } = this;
    const name = canonicalName(reference.tag === undefined ? reference : { ...reference, digest: undefined });
    const before = context.records.named(name)?.target.digest;
    try {
      const wanted = reference.digest ?? reference.tag!;
      const root = await explained(reference, () => this.#remoteManifest(wanted));
      report({ status: `Pulling from ${reference.path}`, id: reference.tag ?? wanted });
      await this.#admit(root.descriptor);
      await this.#store(root);
      context.unfinished.pullBegan(name, root.descriptor);
      await this.#contents(await this.#platformManifest(root));
      context.records.put(root.descriptor, name);
      context.unfinished.pullEnded(name);
      report({ status: `Digest: ${root.descriptor.digest}` });
      report({ status: statusOf(familiarName(reference), before !== root.descriptor.digest) });
      publishImage(context, 'pull', familiarName(reference), familiarRepository(reference));
    } catch (error) {
      if (!mayGoOn(error)) context.unfinished.pullEnded(name);
      throw error;
    } finally {
      this.#lease[Symbol.dispose]();
      collectContent(context);
    }
  }

  #admit(target: Descriptor): Promise<void> {
    const { reference, repositories, signal } = this;
    const required = this.request.signatureRequired ?? false;
    const warn = (status: string) => this.report({ status });
    return this.context.trust.admitPull({ reference, target, repositories, required, signal, warn });
  }

  /** Of what an index of the registry has listed: that is the registry's word for it. */
  async #manifest(digest: Digest): Promise<FetchedManifest> {
    const { manifests, blobs } = this.context.content;
    const content = manifests.manifestIfPresent(digest);
    if (!content) return this.#remoteManifest(digest);
    const bytes = blobs.readSmall(digest);
    return { descriptor: { mediaType: content.mediaType, digest, size: bytes.length }, bytes, content };
  }

  async #remoteManifest(reference: string): Promise<FetchedManifest> {
    const { repositories, signal, report } = this;
    const use = (repository: Repository) => repository.manifest(reference, signal);
    return this.context.registries.firstOf(repositories, signal, use, waiting(report));
  }

  async #store({ descriptor, bytes }: FetchedManifest): Promise<void> {
    await this.context.content.blobs.add(bytes, descriptor.digest, this.#lease);
  }

  /** Out of an index the manifest of the platform that is wanted. */
  async #platformManifest(root: FetchedManifest): Promise<Manifest> {
    let at = root;
    for (let depth = 0; at.content.kind === 'index'; depth++) {
      if (depth > 3) throw invalid('the image is an index of indexes without end');
      const chosen = this.#choose(at.content.manifests);
      at = await this.#manifest(chosen.digest);
      await this.#store(at);
    }
    return at.content;
  }

  #choose(manifests: readonly Descriptor[]): Descriptor {
    const wanted = this.request.platform ?? hostPlatform();
    let best: { descriptor: Descriptor; rank: number } | undefined;
    for (const descriptor of manifests) {
      const { platform } = descriptor;
      if (!platform || platform.os === 'unknown') continue;
      const exact = this.request.platform && samePlatform(platform, this.request.platform);
      const rank = exact ? -1 : platformRank(platform, wanted);
      if (rank !== undefined && (!best || rank < best.rank)) best = { descriptor, rank };
    }
    if (best) return best.descriptor;
    // An index of a single image need not say for what it is.
    const [only, ...others] = manifests.filter(({ platform }) => !platform);
    if (only && others.length === 0) return only;
    throw notFound(`no matching manifest for ${formatPlatform(wanted)} in the manifest list entries`);
  }

  async #contents(manifest: Manifest): Promise<void> {
    const { content } = this.context;
    if (!isImageConfig(manifest.config)) {
      const { mediaType } = manifest.config;
      throw invalid(`${familiarName(this.reference)} is no image but an artifact: its config is of type ${mediaType}`);
    }
    await this.#fetch(manifest.config, () => {});
    const config = parseConfig(content.blobs.readSmall(manifest.config.digest));
    if (this.request.platform && !platformFits(platformOf(config), this.request.platform)) {
      throw notFound(
        `image with reference ${familiarName(this.reference)} was found but its platform (${formatPlatform(platformOf(config))}) does not match the specified platform (${formatPlatform(this.request.platform)})`,
      );
    }
    const stack = stackOf(manifest, config);
    const complete = stack.every(({ chain, blob }) => content.layers.has(chain) && content.blobs.has(blob.digest));
    if (!complete) for (const { blob } of stack) this.#announce(blob, 'Pulling fs layer');
    await Promise.all([
      this.context.stacks.build(stack, this.#lease, this.signal, (layer, signal) => this.#unpack(layer, signal)),
      // Layers that are unpacked already still need their blobs.
      ...stack.map(({ blob, chain }) => (content.layers.has(chain) ? this.#present(blob) : undefined)),
    ]);
  }

  async #present(blob: Descriptor): Promise<void> {
    const had = this.context.content.blobs.has(blob.digest);
    await this.#fetch(blob, this.report);
    if (this.#shown.has(blob.digest)) this.#say(blob, had ? 'Already exists' : 'Pull complete');
  }

  #announce(blob: Descriptor, status: string): void {
    if (this.#shown.has(blob.digest)) return;
    this.#shown.add(blob.digest);
    this.#say(blob, status);
  }

  #say(blob: Descriptor, status: string): void {
    this.report({ status, progressDetail: {}, id: shortLayer(blob) });
  }

  #fetch(descriptor: Descriptor, report: Report): Promise<void> {
    const { repositories, signal } = this;
    return this.context.downloader.fetch({ descriptor, repositories, lease: this.#lease, report, signal });
  }

  /** Begins to unpack as soon as bytes come, and hands it over when all are there. */
  async #unpack({ blob }: StackLayer, signal: AbortSignal): Promise<UnpackingLayer> {
    const { content } = this.context;
    const steps = new Steps(this.report, shortLayer(blob), 'Extracting', blob.size);
    let complete = false;
    const begin = (path: string) => content.layers.unpack(path, bytes => complete && steps.at(bytes));
    let unpacking: UnpackingLayer | undefined;
    try {
      await this.context.downloader.fetch({
        descriptor: blob,
        repositories: this.repositories,
        lease: this.#lease,
        report: this.report,
        signal,
        onWriter: writer => {
          const started = begin(writer.path);
          unpacking = started;
          writer.onProgress = onDisk => started.available(onDisk);
          if (writer.onDisk > 0) started.available(writer.onDisk);
        },
        onRestart: () => {
          // It has read what turned out to be wrong.
          void unpacking?.discard();
          unpacking = undefined;
        },
      });
    } catch (error) {
      await unpacking?.discard();
      throw error;
    }
    complete = true;
    if (unpacking) unpacking.complete(blob.size);
    else unpacking = content.layers.unpackStored(blob, bytes => steps.at(bytes));
    unpacking.result.then(
      () => {
        steps.at(blob.size);
        this.#say(blob, 'Pull complete');
      },
      () => {
        // Told by whoever waits for it.
      },
    );
    return unpacking;
  }
}

/** Nobody shall wonder why nothing happens. */
const waiting =
  (report: Report) =>
  ({ seconds, first, error }: Wait) => {
    if (first) report({ status: `${waitText(seconds)}: ${error.message}` });
  };

const shortLayer = ({ digest }: Descriptor) => digest.slice(7, 19);

/** A config may leave out the variant that the index has. */
function platformFits(has: Platform, wanted: Platform): boolean {
  return samePlatform(has, wanted) || samePlatform({ ...has, variant: wanted.variant }, wanted) || has.os === '';
}

function statusOf(name: string, newer: boolean): string {
  return newer ? `Status: Downloaded newer image for ${name}` : `Status: Image is up to date for ${name}`;
}

/** In Docker's words, which name the image. */
export async function explained<T>(reference: Reference, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof RegistryFailure)) throw error;
    const { status, message } = error;
    if (error.has('DENIED', 'UNAUTHORIZED') || status === 401 || status === 403) {
      throw notFound(
        `pull access denied for ${familiarRepository(reference)}, repository does not exist or may require 'docker login': ${message}`,
        error,
      );
    }
    if (error.has('NAME_UNKNOWN'))
      throw notFound(`repository ${familiarRepository(reference)} not found: ${message}`, error);
    if (status === 404) throw notFound(`manifest for ${familiarName(reference)} not found: ${message}`, error);
    throw error;
  }
}
