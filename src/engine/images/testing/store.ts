// An image store of its own for a test.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { TestImage } from '../../../content/testing/layers.ts';
import type { Digest } from '../../../lib/ids.ts';
import type { Platform } from '../../../lib/platform.ts';
import { parseReference } from '../../../lib/reference.ts';
import { collect } from '../../../lib/streams.ts';
import { tarEntry, writeTar } from '../../../lib/tar/writer.ts';
import { EventLog } from '../../events/event-log.ts';
import { openState, type StateDatabase } from '../../state/database.ts';
import type { PullGate, RunGate } from '../../trust/trust.ts';
import { createImages, type ImageStore } from '../image-store.ts';
import { type ImageUser, NO_CREDENTIALS, type ProgressMessage } from '../images.ts';

export class TestImages implements AsyncDisposable {
  readonly root = mkdtempSync(`${tmpdir()}/images-test-`);
  readonly users = new Map<Digest, ImageUser[]>();
  readonly events: string[] = [];
  /** Whoever asks may; tests of trust put something else here before `start`. */
  trust: PullGate & RunGate = { admitPull: async () => {}, admitRun: () => undefined };
  /** As `daemon.json` and its reload change it. */
  readonly config = {
    insecureRegistries: [],
    registryMirrors: [] as string[],
    proxies: { http: '', https: '', no: '' },
    maxConcurrentDownloads: 3,
    maxConcurrentUploads: 5,
    maxDownloadAttempts: 3,
    maxLayerRatio: 200,
  };
  store!: ImageStore;
  #database!: StateDatabase;

  private constructor() {}

  static async open(): Promise<TestImages> {
    const images = new TestImages();
    await images.start();
    return images;
  }

  /** Also after `crash`. */
  async start(): Promise<void> {
    this.#database = openState(`${this.root}/state.db`);
    this.#database.query('INSERT OR IGNORE INTO image_settings (name) VALUES (?)').run('embedded');
    const log = new EventLog();
    this.store = createImages({
      dataRoot: this.root,
      database: this.#database,
      events: {
        publish: (type, action, actor) => {
          this.events.push(`${type} ${action} ${actor.Attributes?.['name'] ?? ''}`);
          log.publish(type, action, actor);
        },
        subscribe: query => log.subscribe(query),
        listeners: 0,
      },
      config: this.config,
      users: { usersOf: image => this.users.get(image) ?? [] },
      trust: this.trust,
      layersInUse: () => [],
    });
    await this.store.reconcile();
  }

  async stop(): Promise<void> {
    await this.store.close();
    this.#database.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.root, { recursive: true });
  }

  /** Loads an image under these names. */
  async load(image: TestImage, ...names: string[]): Promise<string[]> {
    return linesOf(this.store.load(this.loading(await ociLayout(image, names))));
  }

  loading(archive: Uint8Array) {
    return { archive: inPieces(archive), platforms: [], quiet: true, signal: new AbortController().signal };
  }

  pull(name: string, signal = new AbortController().signal, credentials = NO_CREDENTIALS): Promise<string[]> {
    const request = { reference: parseReference(name), platform: undefined, credentials, signal };
    return linesOf(this.store.pull(request));
  }

  pullPlatform(name: string, platform: Platform): Promise<string[]> {
    const { signal } = new AbortController();
    const request = { reference: parseReference(name), platform, credentials: NO_CREDENTIALS, signal };
    return linesOf(this.store.pull(request));
  }

  push(name: string, platform?: Platform, credentials = NO_CREDENTIALS): Promise<string[]> {
    const { signal } = new AbortController();
    const request = { reference: parseReference(name), platform, credentials, signal };
    return linesOf(this.store.push(request));
  }

  async saved(names: readonly string[], platforms: readonly Platform[]): Promise<Buffer> {
    const pieces: Uint8Array[] = [];
    for await (const piece of this.store.save(names, platforms)) pieces.push(Buffer.from(piece));
    return Buffer.concat(pieces);
  }

  async tags(): Promise<string[]> {
    const list = await this.store.list({ all: false, filters: {}, sharedSize: false, manifests: false });
    return list.flatMap(({ RepoTags }) => RepoTags).sort();
  }

  /** Number of blobs and layers, and whether anything is half-made. */
  async leftovers(): Promise<{ blobs: number; layers: number; ingest: string[] }> {
    const { readdirSync } = await import('node:fs');
    return {
      blobs: readdirSync(`${this.root}/blobs/sha256`).length,
      layers: readdirSync(`${this.root}/layers`).length,
      ingest: readdirSync(`${this.root}/ingest`),
    };
  }
}

/** What a progress stream says in words. */
export async function linesOf(messages: AsyncIterable<ProgressMessage>): Promise<string[]> {
  const lines: string[] = [];
  for await (const { id, status, stream } of messages) {
    const text = stream?.trim() ?? status;
    if (text !== undefined) lines.push(id === undefined ? text : `${id}: ${text}`);
  }
  return lines;
}

export async function* inPieces(bytes: Uint8Array, size = 60_000) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

export function ociLayout(image: TestImage, names: readonly string[]): Promise<Buffer> {
  const manifests = names.map(name => ({ ...image.target, annotations: { 'io.containerd.image.name': name } }));
  const files: [string, Uint8Array][] = [
    ...[...image.blobs].map(([digest, bytes]): [string, Uint8Array] => [`blobs/sha256/${digest.slice(7)}`, bytes]),
    ['oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}')],
    [
      'index.json',
      Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: names.length > 0 ? manifests : [image.target] })),
    ],
  ];
  return archive(files);
}

export function archive(files: readonly [name: string, content: Uint8Array | string][]): Promise<Buffer> {
  return collect(
    writeTar(
      files.map(([name, content]) => {
        const body = Buffer.from(content);
        return { entry: tarEntry({ name, kind: 'file', size: body.length }), body };
      }),
    ),
  );
}
