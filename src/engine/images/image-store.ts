// The engine's images.
import { availableParallelism } from 'node:os';
import { chainIds } from '../../content/oci.ts';
import { StackBuilder, stackOf } from '../../content/stack.ts';
import { ContentStore } from '../../content/store.ts';
import { invalid, messageOf } from '../../lib/errors.ts';
import type { ChainId, Digest } from '../../lib/ids.ts';
import { log } from '../../lib/logger.ts';
import { type Platform, parsePlatform } from '../../lib/platform.ts';
import {
  canonicalName,
  familiarName,
  familiarRepository,
  type Reference,
  repoTagReference,
} from '../../lib/reference.ts';
import type { ByteSource } from '../../lib/streams.ts';
import type { ImageSummary } from '../../wire/types.ts';
import type { EngineConfig } from '../config.ts';
import type { Events } from '../events/events.ts';
import type { StateDatabase } from '../state/database.ts';
import type { PullGate, RunGate } from '../trust/trust.ts';
import { loadImages } from './archive/load.ts';
import { saveImages } from './archive/save.ts';
import { commitImage } from './commit.ts';
import { contentRoots, publishImage } from './context.ts';
import { pullOrBuiltIn } from './embedded/built-in.ts';
import { embeddedImages } from './embedded/embedded.ts';
import type {
  CommitImageRequest,
  Credentials,
  Filters,
  Image,
  ImageService,
  ImageUsers,
  ImportRequest,
  ListImagesQuery,
  LoadRequest,
  ProgressMessage,
  TransferRequest,
} from './images.ts';
import { importImage } from './import.ts';
import { historyOf, inspectImage, listImages } from './list.ts';
import { pruneImages } from './prune.ts';
import { ImageRecords } from './records.ts';
import { type RemoveOptions, removeImage } from './remove.ts';
import { choose, chooseIfAny, namesAsked, resolve } from './resolve.ts';
import { Downloader } from './transfer/download.ts';
import { inspectRemote, login, search } from './transfer/lookup.ts';
import { type PullContext, pullImages } from './transfer/pull.ts';
import { pushImages } from './transfer/push.ts';
import { Registries, type TransferConfig } from './transfer/registries.ts';
import { UnfinishedTransfers } from './unfinished.ts';

export interface ImageOptions {
  dataRoot: string;
  database: StateDatabase;
  events: Events;
  config: TransferConfig & Pick<EngineConfig, 'maxLayerRatio'>;
  users: ImageUsers;
  trust: PullGate & RunGate;
  /** Layers under containers, whatever became of their images. */
  layersInUse(): Iterable<ChainId>;
}

export function createImages(options: ImageOptions): ImageStore {
  return new ImageStore(options);
}

/** One helper may wait for a slow download while the others have work. */
const parallelUnpacks = availableParallelism() + 1;

export class ImageStore implements ImageService {
  readonly #context: PullContext;
  readonly #database: StateDatabase;
  readonly #trust: RunGate;

  constructor({ dataRoot, database, events, config, users, trust, layersInUse }: ImageOptions) {
    const content = new ContentStore(dataRoot, { parallelUnpacks, maxLayerRatio: config.maxLayerRatio });
    const stacks = new StackBuilder(content);
    this.#database = database;
    const registries = new Registries(config);
    const downloader = new Downloader(content, registries);
    const records = new ImageRecords(database);
    const unfinished = new UnfinishedTransfers(database);
    this.#context = { content, stacks, records, unfinished, events, users, layersInUse, registries, downloader, trust };
    this.#trust = trust;
  }

  get(reference: string, platform?: string): Image {
    const record = resolve(this.#context.records, reference);
    const wanted = platform ? parsePlatform(platform) : undefined;
    const { descriptor, manifest, config } = choose(this.#context, record, reference, wanted);
    return {
      id: record.target.digest,
      manifest: {
        ...descriptor,
        platform: descriptor.platform ?? { os: config.os, architecture: config.architecture },
      },
      configDigest: manifest.config.digest,
      os: config.os,
      architecture: config.architecture,
      variant: config.variant ?? '',
      config: config.config ?? {},
      layers: chainIds(config.rootfs.diff_ids),
      created: config.created ?? '',
    };
  }

  leadsTo(reference: string, id: Digest): boolean {
    try {
      return resolve(this.#context.records, reference).target.digest === id;
    } catch {
      return false;
    }
  }

  admit({ id }: Image, reference: string, options: { signatureRequired: boolean }): Promise<string[]> | undefined {
    const required = options.signatureRequired;
    return this.#trust.admitRun({ digest: id, names: namesAsked(this.#context.records, id, reference), required });
  }

  prepare(image: Image): Promise<void> | undefined {
    const { content, stacks } = this.#context;
    if (image.layers.every(chain => content.layers.has(chain))) return undefined;
    const manifest = content.manifests.imageManifest(image.manifest.digest as Digest);
    const stack = stackOf(manifest, content.manifests.config(image.configDigest));
    const lease = content.lease();
    return stacks.build(stack, lease).finally(() => lease[Symbol.dispose]());
  }

  commit(request: CommitImageRequest): Promise<Digest> {
    return commitImage(this.#context, request);
  }

  async list(query: ListImagesQuery): Promise<ImageSummary[]> {
    return listImages(this.#context, query);
  }

  async inspect(reference: string, options: { platform?: Platform; manifests: boolean }) {
    return inspectImage(this.#context, reference, options);
  }

  async history(reference: string, platform?: Platform) {
    return historyOf(this.#context, reference, platform);
  }

  tag(reference: string, repository: string, tag: string): void {
    const name = repoTagReference(repository, tag);
    if (!name) throw invalid('invalid reference format');
    if (familiarRepository(name) === 'sha256') {
      throw invalid('refusing to create an ambiguous tag using digest algorithm as name');
    }
    const { target } = resolve(this.#context.records, reference);
    this.#context.records.put(target, canonicalName(name));
    publishImage(this.#context, 'tag', target.digest, familiarName(name));
  }

  async remove(reference: string, options: RemoveOptions) {
    if (reference.trim() === '') throw invalid('image name cannot be blank');
    return removeImage(this.#context, reference, options);
  }

  async prune(filters: Filters) {
    return pruneImages(this.#context, filters);
  }

  import(request: ImportRequest): AsyncIterable<ProgressMessage> {
    return importImage(this.#context, request);
  }

  pull(request: TransferRequest): AsyncIterable<ProgressMessage> {
    return pullOrBuiltIn(
      request,
      () => pullImages(this.#context, request),
      archive => this.#load(archive),
    );
  }

  push(request: TransferRequest): AsyncIterable<ProgressMessage> {
    return pushImages(this.#context, request);
  }

  inspectRemote(reference: Reference, credentials: Credentials, signal: AbortSignal) {
    return inspectRemote(this.#context.registries, reference, credentials, signal);
  }

  login(address: string, credentials: Credentials, signal: AbortSignal) {
    return login(this.#context.registries, address, credentials, signal);
  }

  search(query: Parameters<ImageService['search']>[0], credentials: Credentials, signal: AbortSignal) {
    return search(this.#context.registries, query, credentials, signal);
  }

  load(request: LoadRequest): AsyncIterable<ProgressMessage> {
    return loadImages(this.#context, request);
  }

  save(references: readonly string[], platforms: readonly Platform[]): ByteSource {
    return saveImages(this.#context, references, platforms);
  }

  count(): number {
    return this.#context.records.count;
  }

  async usage(): Promise<{ images: ImageSummary[]; layersSize: number }> {
    const images = listImages(this.#context, { all: true, filters: {}, sharedSize: true, manifests: false });
    const { content, records } = this.#context;
    const { blobs, layers } = content.reachable([...records.all()].map(({ target }) => target));
    let layersSize = 0;
    for (const digest of blobs) layersSize += content.blobs.size(digest) ?? 0;
    for (const chain of layers) layersSize += content.layers.info(chain)?.size ?? 0;
    return { images, layersSize };
  }

  async reconcile(): Promise<void> {
    await this.#context.content.recover(contentRoots(this.#context));
    await this.#restoreLayers();
    await this.#loadEmbedded();
  }

  close(): Promise<void> {
    return this.#context.content.close();
  }

  /** Layers under containers that a power cut took are unpacked again, as long as their image is here. */
  async #restoreLayers(): Promise<void> {
    const { content, records, layersInUse } = this.#context;
    const lost = new Set([...layersInUse()].filter(chain => !content.layers.has(chain)));
    for (const { target } of lost.size === 0 ? [] : records.all()) {
      const chosen = chooseIfAny(content.manifests, target, undefined);
      if (!chosen || !chainIds(chosen.config.rootfs.diff_ids).some(chain => lost.has(chain))) continue;
      try {
        using lease = content.lease();
        await this.#context.stacks.build(stackOf(chosen.manifest, chosen.config), lease);
      } catch (error) {
        log.error('could not unpack an image again', { image: target.digest, error: messageOf(error) });
      }
    }
  }

  /** Once in the life of a data root: whoever removes them afterwards does not want them. */
  async #loadEmbedded(): Promise<void> {
    const done = this.#database.query('SELECT 1 FROM image_settings WHERE name = ?').get('embedded');
    if (done) return;
    for (const { name, when, archive } of embeddedImages) {
      if (when !== 'first' || this.#context.records.named(name)) continue;
      const made = await archive();
      if (made) await this.#load(made);
    }
    this.#database.query('INSERT INTO image_settings (name) VALUES (?)').run('embedded');
  }

  async #load(archive: ByteSource): Promise<void> {
    const { signal } = new AbortController();
    for await (const _ of this.load({ archive, platforms: [], quiet: true, signal })) {
      // Nobody watches.
    }
  }
}
