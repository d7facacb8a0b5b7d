// docker push: what the registry lacks, blobs first, then manifests, the name last.
import {
  childrenOf,
  type Descriptor,
  isForeignLayer,
  isIndexType,
  isLayerType,
  isManifestType,
} from '../../../content/oci.ts';
import type { Lease } from '../../../content/store.ts';
import { conflict, notFound } from '../../../lib/errors.ts';
import type { Digest } from '../../../lib/ids.ts';
import { formatPlatform, hostPlatform, platformRank, samePlatform } from '../../../lib/platform.ts';
import {
  canonicalName,
  DEFAULT_TAG,
  familiarName,
  familiarRepository,
  isNameOnly,
  parseReference,
  type Reference,
  repositoryOf,
} from '../../../lib/reference.ts';
import type { ByteSource } from '../../../lib/streams.ts';
import { RegistryFailure } from '../../../registry/failures.ts';
import type { Repository } from '../../../registry/repository.ts';
import { type Wait, waitText } from '../../../registry/retry.ts';
import { type ImageContext, publishImage } from '../context.ts';
import type { ProgressMessage, TransferRequest } from '../images.ts';
import { type Report, Steps, withProgress } from '../progress.ts';
import { type PlatformManifest, platformManifests } from '../resolve.ts';
import type { Registries } from './registries.ts';

export interface PushContext extends ImageContext {
  readonly registries: Registries;
}

export function pushImages(context: PushContext, request: TransferRequest): AsyncIterable<ProgressMessage> {
  return withProgress(request.signal, async (report, signal) => {
    const { reference } = request;
    report({ status: `The push refers to repository [${repositoryOf(reference)}]` });
    for (const each of isNameOnly(reference) ? tagsOf(context, reference) : [reference]) {
      await new Push(context, each, request, report, signal).run();
    }
  });
}

function tagsOf(context: PushContext, reference: Reference): Reference[] {
  const names = [...context.records.names()].map(([name]) => parseReference(name));
  const tags = names.filter(name => name.tag !== undefined && repositoryOf(name) === repositoryOf(reference));
  if (tags.length > 0) return tags;
  throw notFound(`An image does not exist locally with the tag: ${familiarRepository(reference)}`);
}

class Push {
  readonly #lease: Lease;
  #repository!: Repository;

  constructor(
    private readonly context: PushContext,
    private readonly reference: Reference,
    private readonly request: TransferRequest,
    private readonly report: Report,
    private readonly signal: AbortSignal,
  ) {
    this.#lease = context.content.lease();
  }

  async run(): Promise<void> {
    const { context, reference, report } = this;
    try {
      const record = context.records.named(canonicalName(reference));
      if (!record) throw notFound(`tag does not exist: ${familiarName(reference)}`);
      const target = this.#target(record.target);
      const { manifests, blobs } = this.#contents(target);
      const sources = this.#sources(blobs);
      this.#repository = await context.registries.forPush(reference, this.request.credentials, [
        ...new Set(sources.values()),
      ]);
      for (const blob of blobs) if (isLayerType(blob.mediaType)) this.#say(blob, 'Preparing');
      await this.#all(blobs, (blob, signal) => this.#blob(blob, sources.get(blob.digest), signal));
      for (const manifest of manifests) await this.#manifest(manifest, manifest.digest);
      const name = reference.tag ?? (reference.digest === undefined ? DEFAULT_TAG : target.digest);
      await this.#manifest(target, name);
      report({ status: `${name}: digest: ${target.digest} size: ${target.size}` });
      report({ progressDetail: {}, aux: { Tag: name, Digest: target.digest, Size: target.size } });
      publishImage(context, 'push', familiarName(reference), familiarRepository(reference));
    } catch (error) {
      throw explainedPush(reference, error);
    } finally {
      this.#lease[Symbol.dispose]();
    }
  }

  /** All of the image if all of it is here; else the platform that is. */
  #target(target: Descriptor): Descriptor {
    const { platform } = this.request;
    const all = platformManifests(this.context.content.manifests, target);
    const complete = all.filter(each => this.#isComplete(each));
    if (!platform && complete.length === all.length) return target;
    const images = complete.filter(({ kind }) => kind === 'image');
    const matching = images.filter(each => each.platform && (!platform || samePlatform(each.platform, platform)));
    const [only, ...others] = matching;
    if (!only) {
      const wanted = platform ? `the specified platform (${formatPlatform(platform)})` : 'any platform';
      throw notFound(`image with reference ${familiarName(this.reference)} was found but does not provide ${wanted}`);
    }
    const chosen =
      others.length === 0 ? only : matching.find(each => platformRank(each.platform!, hostPlatform()) === 0);
    if (!chosen) throw conflict('multiple matching manifests found but no specific platform requested');
    if (!platform) this.#tellInstead(target, chosen.descriptor);
    return chosen.descriptor;
  }

  #tellInstead(original: Descriptor, selected: Descriptor): void {
    this.report({
      progressDetail: {},
      aux: { manifestPushedInsteadOfIndex: true, originalIndex: original, selectedManifest: selected },
    });
  }

  #isComplete({ manifest }: PlatformManifest): boolean {
    if (!manifest) return false;
    return [manifest.config, ...manifest.layers.filter(({ mediaType }) => !isForeignLayer(mediaType))].every(
      ({ digest }) => this.context.content.blobs.has(digest),
    );
  }

  /** What has to be there: manifests in the order in which they may be sent, without the target itself; each blob once. */
  #contents(target: Descriptor): { manifests: Descriptor[]; blobs: Descriptor[] } {
    const manifests: Descriptor[] = [];
    const blobs = new Map<Digest, Descriptor>();
    const visit = (descriptor: Descriptor) => {
      this.#lease.blobs.add(descriptor.digest);
      const content = this.context.content.manifests.manifest(descriptor.digest);
      for (const child of childrenOf(content)) {
        this.#lease.blobs.add(child.digest);
        if (isIndexType(child.mediaType) || (content.kind === 'index' && isManifestType(child.mediaType))) {
          visit(child);
          manifests.push(child);
        } else if (!isForeignLayer(child.mediaType)) {
          blobs.set(child.digest, child);
        }
      }
    };
    visit(target);
    return { manifests, blobs: [...blobs.values()] };
  }

  /** For blobs that another repository of the same registry is known to have: which. */
  #sources(blobs: readonly Descriptor[]): Map<Digest, string> {
    const sources = new Map<Digest, string>();
    const wanted = new Set(blobs.map(({ digest }) => digest));
    for (const [name, id] of this.context.records.names()) {
      const { domain, path } = parseReference(name);
      if (domain !== this.reference.domain || path === this.reference.path) continue;
      const { target } = this.context.records.get(id)!;
      for (const digest of this.context.content.reachable([target]).blobs) {
        if (wanted.has(digest) && !sources.has(digest)) sources.set(digest, path);
      }
    }
    return sources;
  }

  /** Side by side; the first failure stops the others. */
  async #all<T>(items: readonly T[], work: (item: T, signal: AbortSignal) => Promise<void>): Promise<void> {
    const stop = new AbortController();
    const signal = AbortSignal.any([this.signal, stop.signal]);
    const failures: unknown[] = [];
    const run = async (item: T) => {
      try {
        using _slot = await this.context.registries.uploads.acquire();
        signal.throwIfAborted();
        await work(item, signal);
      } catch (error) {
        failures.push(error);
        stop.abort(error);
      }
    };
    await Promise.all(items.map(run));
    if (failures.length > 0) throw failures[0];
  }

  async #blob(blob: Descriptor, from: string | undefined, signal: AbortSignal): Promise<void> {
    const retry = {
      attempts: this.context.registries.maxAttempts,
      onWait: ({ seconds }: Wait) => this.#say(blob, waitText(seconds)),
    };
    const content = (start: number) => this.#content(blob, start);
    const arrival = await this.#repository.putBlob(blob, content, { from, retry, signal });
    const words = { present: 'Layer already exists', mounted: `Mounted from ${from}`, sent: 'Pushed' };
    this.#say(blob, words[arrival]);
  }

  async *#content(blob: Descriptor, start: number): ByteSource {
    const steps = new Steps(this.report, shortLayer(blob), 'Pushing', blob.size);
    let sent = start;
    for await (const chunk of this.context.content.blobs.read(blob.digest, start)) {
      this.signal.throwIfAborted();
      yield chunk;
      sent += chunk.length;
      if (isLayerType(blob.mediaType)) steps.at(sent);
    }
  }

  async #manifest(descriptor: Descriptor, name: string): Promise<void> {
    const { signal } = this;
    const bytes = this.context.content.blobs.readSmall(descriptor.digest);
    if ((await this.#repository.manifestDigest(name, signal)) === descriptor.digest) return;
    await this.#repository.putManifest(name, descriptor.mediaType, bytes, signal);
  }

  #say(blob: Descriptor, status: string): void {
    if (isLayerType(blob.mediaType)) this.report({ status, progressDetail: {}, id: shortLayer(blob) });
  }
}

const shortLayer = ({ digest }: Descriptor) => digest.slice(7, 19);

function explainedPush(reference: Reference, error: unknown): unknown {
  if (!(error instanceof RegistryFailure)) return error;
  if (error.has('DENIED') || error.status === 403) {
    const denied = 'denied: requested access to the resource is denied';
    const more = error.message === denied ? '' : ` (${error.message})`;
    return new RegistryFailure(error.status, error.items, `${denied}: ${familiarRepository(reference)}${more}`);
  }
  return error;
}
