// The daemon is killed in the middle of moving images, at moments that a seed chooses: at the n-th change of its store, or the
// n-th thing that the registry sees. Afterwards the store is whole, and the same command goes on from what was complete.
//
//   CHAOS_ROUNDS=200 CHAOS_SEED=7 bun test ./test/chaos/images.test.ts --timeout 100000000
import { expect, test } from 'bun:test';
import { existsSync, type FSWatcher, readdirSync, readFileSync, statSync, watch, writeFileSync } from 'node:fs';
import { chainIds, childrenOf, parseConfig, parseManifest } from '../../src/content/oci.ts';
import { imageOf, type TestImage, testLayer } from '../../src/content/testing/layers.ts';
import { ociLayout } from '../../src/engine/images/testing/store.ts';
import { type ChainId, type Digest, sha256 } from '../../src/lib/ids.ts';
import { TestRegistry } from '../../src/registry/testing/registry.ts';
import type { ImageSummary } from '../../src/wire/types.ts';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { until } from '../support/until.ts';
import { Random } from './random.ts';

const rounds = Number(process.env['CHAOS_ROUNDS'] ?? 5);
const seed = Number(process.env['CHAOS_SEED'] ?? Date.now() % 1_000_000);

/** More than one kill before the command may end. */
const KILLS = 2;

/** The lowest layer is the slowest: those above it wait unpacked for their place. */
const LAYERS = [2_000_000, 300_000, 600_000, 50_000];

async function noisyImage(): Promise<TestImage> {
  const noise = (size: number) => Buffer.from(crypto.getRandomValues(new Uint8Array(size))).toString('latin1');
  return imageOf(await Promise.all(LAYERS.map((size, at) => testLayer({ [`noise-${at}`]: noise(size) }))));
}

/** Counts what can be seen of a command's progress, and kills the daemon at a chosen count. */
class Steps implements Disposable {
  readonly #watchers: FSWatcher[];
  #count = 0;
  #strikeAt = Number.POSITIVE_INFINITY;

  constructor(
    private readonly engine: TestEngine,
    registry: TestRegistry,
  ) {
    const places = ['', '/blobs/sha256', '/layers', '/ingest', '/removing'];
    this.#watchers = places.map(place => watch(engine.dataRoot + place, () => this.#step()));
    registry.onStep = () => this.#step();
  }

  #step(): void {
    if (++this.#count !== this.#strikeAt) return;
    process.kill(this.engine.pid, 'SIGKILL');
  }

  async count(action: () => Promise<unknown>): Promise<number> {
    this.#count = 0;
    await action();
    return this.#count;
  }

  /** The daemon is dead afterwards, at the latest when the command has ended. */
  async strike(at: number, action: () => Promise<unknown>): Promise<void> {
    this.#count = 0;
    this.#strikeAt = at;
    await action();
    this.#strikeAt = Number.POSITIVE_INFINITY;
    await this.engine.kill();
  }

  [Symbol.dispose](): void {
    for (const watcher of this.#watchers) watcher.close();
  }
}

/** What is in the store, looked at from outside. */
class StoreFiles {
  constructor(private readonly root: string) {}

  blob(digest: Digest): string {
    return `${this.root}/blobs/sha256/${digest.slice(7)}`;
  }

  get blobs(): Digest[] {
    return readdirSync(`${this.root}/blobs/sha256`).map(name => `sha256:${name}` as Digest);
  }

  get layers(): ChainId[] {
    const names = readdirSync(`${this.root}/layers`).filter(name => /^[0-9a-f]{64}$/.test(name));
    return names.map(name => `sha256:${name}` as Digest as string as ChainId);
  }

  get ingest(): string[] {
    return readdirSync(`${this.root}/ingest`);
  }

  get removing(): string[] {
    return readdirSync(`${this.root}/removing`);
  }

  inode(path: string): number | undefined {
    return statSync(path, { throwIfNoEntry: false })?.ino;
  }

  layerInode(chain: ChainId): number | undefined {
    return this.inode(`${this.root}/layers/${chain.slice(7)}/diff`);
  }

  readyInode(blob: Digest): number | undefined {
    return this.inode(`${this.root}/ingest/ready-${blob.slice(7)}/diff`);
  }

  partialSize(blob: Digest): number {
    return statSync(`${this.root}/ingest/partial-${blob.slice(7)}`, { throwIfNoEntry: false })?.size ?? 0;
  }

  /** All that these lead to and is here. What they cannot do without must be here. */
  reachable(ids: readonly Digest[]): { blobs: Set<Digest>; layers: Set<ChainId> } {
    const blobs = new Set<Digest>();
    const layers = new Set<ChainId>();
    const waiting = [...ids];
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      if (blobs.has(id)) continue;
      blobs.add(id);
      const content = parseManifest(readFileSync(this.blob(id)));
      const children = childrenOf(content).map(({ digest }) => digest);
      if (content.kind === 'index') {
        // Of other platforms' manifests a pull brings none.
        waiting.push(...children.filter(child => existsSync(this.blob(child))));
        continue;
      }
      for (const child of children) {
        expect(existsSync(this.blob(child))).toBe(true);
        blobs.add(child);
      }
      for (const chain of chainIds(parseConfig(readFileSync(this.blob(content.config.digest))).rootfs.diff_ids)) {
        layers.add(chain);
      }
    }
    return { blobs, layers };
  }
}

/** `unfinished` is what a command that was cut off may have left. */
async function expectWhole(engine: TestEngine, unfinished?: TestImage): Promise<void> {
  const files = new StoreFiles(engine.dataRoot);
  const images = (await engine.api.get('/images/json?all=1&manifests=1')).ok.json<ImageSummary[]>();
  for (const { Manifests } of images) expect(Manifests!.some(({ Available }) => Available)).toBe(true);
  const { blobs, layers } = files.reachable(images.map(({ Id }) => Id as Digest));
  for (const digest of unfinished?.blobs.keys() ?? []) blobs.add(digest);
  for (const chain of chainIds(unfinished?.layers.map(({ diffId }) => diffId) ?? [])) layers.add(chain);
  for (const digest of files.blobs) expect(sha256(readFileSync(files.blob(digest)))).toBe(digest);
  expect(files.blobs.filter(digest => !blobs.has(digest))).toEqual([]);
  expect(files.layers.filter(chain => !layers.has(chain))).toEqual([]);
  const resumable = unfinished?.layers.map(({ descriptor }) => descriptor.digest.slice(7)) ?? [];
  const config = unfinished ? [...unfinished.blobs.keys()].map(digest => digest.slice(7)) : [];
  const allowed = new Set([...resumable, ...config].flatMap(hex => [`ready-${hex}`, `partial-${hex}`]));
  expect(files.ingest.filter(name => !allowed.has(name))).toEqual([]);
  await until(() => files.removing.length === 0, { what: () => `the end of ${files.removing}` });
  await until(() => helpersOf(engine).length === 0, { what: () => `the end of ${helpersOf(engine)}` });
  expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(engine.dataRoot);
}

/** Processes beside the daemon that were told a place in its data root. */
function helpersOf(engine: TestEngine): string[] {
  return readdirSync('/proc').filter(name => {
    if (!/^\d+$/.test(name) || Number(name) === engine.pid) return false;
    try {
      return readFileSync(`/proc/${name}/cmdline`, 'utf8').includes(`${engine.dataRoot}`);
    } catch {
      return false;
    }
  });
}

/** Everything of the image that was complete when the daemon died; checks that it is what is there in the end. */
function noteComplete(engine: TestEngine, registry: TestRegistry, image: TestImage) {
  const files = new StoreFiles(engine.dataRoot);
  const chains = chainIds(image.layers.map(({ diffId }) => diffId));
  const noted = image.layers.map(({ descriptor: { digest, size } }, height) => {
    const partial = files.partialSize(digest);
    return {
      digest,
      chain: chains[height]!,
      blob: files.inode(files.blob(digest)),
      unpacked: files.layerInode(chains[height]!) ?? files.readyInode(digest),
      partial: partial > 0 && partial < size ? partial : undefined,
    };
  });
  const asked = registry.asked.length;
  return {
    parts: noted.reduce((sum, { blob, unpacked }) => sum + (blob ? 1 : 0) + (unpacked ? 1 : 0), 0),
    expectReused(): void {
      const fetches = registry.asked.slice(asked).filter(({ method }) => method === 'GET');
      for (const { digest, chain, blob, unpacked, partial } of noted) {
        const ranges = fetches
          .filter(({ path }) => path.endsWith(`/blobs/${digest}`))
          .map(each => each.headers.get('range'));
        if (blob !== undefined) {
          expect(files.inode(files.blob(digest))).toBe(blob);
          expect(ranges).toEqual([]);
        }
        if (blob !== undefined && unpacked !== undefined) expect(files.layerInode(chain)).toBe(unpacked);
        if (blob === undefined && partial !== undefined && ranges.length > 0)
          expect(ranges).toEqual([`bytes=${partial}-`]);
      }
    },
  };
}

interface Story {
  /** Docker's own client is told so. */
  command: string[];
  /** Makes it as it is before the command. */
  prepare(): Promise<void>;
  /** The image is there, or not, once the command is through. */
  leaves: 'image' | 'nothing';
}

type Place = { engine: TestEngine; registry: TestRegistry; image: TestImage; name: string; archive: string };

const stories: Record<string, (place: Place) => Story> = {
  pull: ({ engine, registry, image, name }) => ({
    command: ['pull', '-q', name],
    leaves: 'image',
    prepare: async () => {
      await engine.official('rmi', '-f', name);
      registry.hold('killed', image, '1');
    },
  }),
  load: ({ engine, name, archive }) => ({
    command: ['load', '-q', '-i', archive],
    leaves: 'image',
    prepare: async () => void (await engine.official('rmi', '-f', name)),
  }),
  push: ({ engine, registry, name, archive }) => ({
    command: ['push', name],
    leaves: 'image',
    prepare: async () => {
      await engine.official('load', '-q', '-i', archive);
      registry.blobs.clear();
      registry.manifests.clear();
    },
  }),
  rmi: ({ engine, archive, name }) => ({
    command: ['rmi', '-f', name],
    leaves: 'nothing',
    prepare: async () => void (await engine.official('load', '-q', '-i', archive)),
  }),
};

for (const [verb, tell] of Object.entries(stories)) {
  test(
    `${rounds} times ${KILLS} kills in the middle of ${verb}: the store is whole, the command goes on (CHAOS_SEED=${seed})`,
    async () => {
      await using engine = await startEngine();
      using registry = new TestRegistry();
      const image = await noisyImage();
      const name = `${registry.host}/killed:1`;
      const archive = `${engine.roots.base}/killed.tar`;
      writeFileSync(archive, await ociLayout(image, [name]));
      const story = tell({ engine, registry, image, name, archive });
      const random = new Random(seed);
      using steps = new Steps(engine, registry);

      await story.prepare();
      const total = await steps.count(() => engine.official(...story.command));
      expect(total).toBeGreaterThan(3);
      let reused = 0;
      for (let round = 0; round < rounds; round++) {
        await story.prepare();
        for (let kill = 0; kill < KILLS; kill++) {
          // Each round its own part of the way, the second time anywhere.
          const [from, to] = kill === 0 ? [round / rounds, (round + 1) / rounds] : [0, 1];
          const moment = random.between(1 + Math.floor(from * total), Math.ceil(to * total));
          await steps.strike(moment, () => engine.official(...story.command));
          const complete = noteComplete(engine, registry, image);
          const sent = new Set(registry.blobs.keys());
          const asked = registry.asked.length;
          await engine.start();
          await expectWhole(engine, story.leaves === 'image' ? image : undefined);
          if (kill < KILLS - 1) continue;
          const { code, stdout, stderr } = await engine.official(...story.command);
          expect({ moment, code, stderr: code === 0 ? '' : stdout + stderr }).toEqual({ moment, code: 0, stderr: '' });
          if (story.leaves === 'image') complete.expectReused();
          reused += complete.parts;
          if (verb !== 'push') continue;
          // What the registry had already is not sent again.
          const ends = registry.asked
            .slice(asked)
            .filter(({ method, path }) => method === 'PUT' && path.includes('/uploads/'));
          const again = ends.map(({ path }) => `killed@${new URL(path, 'http://x').searchParams.get('digest')}`);
          expect(again.filter(each => sent.has(each))).toEqual([]);
          const had = image.layers.filter(({ descriptor }) => sent.has(`killed@${descriptor.digest}`));
          expect(stdout.match(/Layer already exists/g)?.length ?? 0).toBe(had.length);
        }
        const inspected = await engine.api.get(`/images/${encodeURIComponent(name)}/json`);
        expect(inspected.status).toBe(story.leaves === 'image' ? 200 : 404);
        await expectWhole(engine);
      }
      if (story.leaves === 'image') expect(reused).toBeGreaterThan(0);
    },
    60_000 + rounds * 20_000,
  );
}
