// Images of several platforms, with an attestation: what `platform` does to each operation.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { MEDIA_TYPES } from '../../content/oci.ts';
import { type TestImage, testImage } from '../../content/testing/layers.ts';
import { type Digest, sha256 } from '../../lib/ids.ts';
import type { Platform } from '../../lib/platform.ts';
import { TestRegistry } from '../../registry/testing/registry.ts';
import { linesOf, ociLayout, TestImages } from './testing/store.ts';

// None that this machine could be.
const mainframe: Platform = { os: 'linux', architecture: 's390x' };
const board: Platform = { os: 'linux', architecture: 'riscv64' };

let images: TestImages;
let index: TestImage;
let parts: { mainframe: TestImage; board: TestImage; attestation: TestImage };
beforeEach(async () => {
  images = await TestImages.open();
  parts = {
    mainframe: await testImage([{ base: 'same' }, { 'etc/a': 'mainframe' }], { ...mainframe }),
    board: await testImage([{ base: 'same' }, { 'etc/a': 'board' }], {
      ...board,
      history: [{ created_by: 'one' }, { created_by: 'two' }],
    }),
    attestation: await testImage([{ statement: 'built by me' }], { ...mainframe }),
  };
  index = indexOf(parts);
  await images.load(index, 'docker.io/library/multi:1');
});
afterEach(() => images[Symbol.asyncDispose]());

function indexOf({ mainframe: one, board: two, attestation }: typeof parts): TestImage {
  const attests = {
    'vnd.docker.reference.type': 'attestation-manifest',
    'vnd.docker.reference.digest': one.target.digest,
  };
  const manifests = [
    { ...one.target, platform: mainframe },
    { ...two.target, platform: board },
    { ...attestation.target, platform: { os: 'unknown', architecture: 'unknown' }, annotations: attests },
  ];
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests }));
  const blobs = new Map<Digest, Buffer>([...one.blobs, ...two.blobs, ...attestation.blobs, [sha256(bytes), bytes]]);
  const target = { mediaType: MEDIA_TYPES.index, digest: sha256(bytes), size: bytes.length };
  return { blobs, target, layers: [...one.layers, ...two.layers] };
}

async function manifestsOf(store = images): Promise<[kind: string, available: boolean][]> {
  const { Manifests } = await store.store.inspect('multi:1', { manifests: true });
  return Manifests!.map(({ Kind, Available }) => [Kind, Available]);
}

test('all of them are kept, and told apart', async () => {
  expect(await manifestsOf()).toEqual([
    ['image', true],
    ['image', true],
    ['attestation', true],
  ]);
});

test('inspect and history show the one that is asked for', async () => {
  const architecture = async (platform: Platform) =>
    (await images.store.inspect('multi:1', { manifests: false, platform })).Architecture;
  expect([await architecture(mainframe), await architecture(board)]).toEqual(['s390x', 'riscv64']);
  expect((await images.store.history('multi:1', board)).map(({ CreatedBy }) => CreatedBy)).toEqual(['two', 'one']);
  const arm = { os: 'linux', architecture: 'arm', variant: 'v6' };
  await expect(images.store.history('multi:1', arm)).rejects.toThrow(
    'does not provide the specified platform (linux/arm/v6)',
  );
});

describe('save and load', () => {
  const saved = (...platforms: Platform[]) => images.saved(['multi:1'], platforms);

  async function loadedElsewhere(archive: Uint8Array, ...platforms: Platform[]) {
    const other = await TestImages.open();
    await linesOf(other.store.load({ ...other.loading(archive), platforms }));
    return other;
  }

  test('of all, to the byte', async () => {
    await using other = await loadedElsewhere(await saved());
    expect((await manifestsOf(other)).every(([, available]) => available)).toBe(true);
    expect(other.store.get('multi:1').id).toBe(index.target.digest);
  });

  test('of one leaves the others out', async () => {
    await using other = await loadedElsewhere(await saved(board));
    expect(other.store.get('multi:1').id).toBe(parts.board.target.digest);
    expect((await other.leftovers()).blobs).toBe(4);
  });

  test('of two leaves out what is of neither', async () => {
    await using other = await loadedElsewhere(await saved(board, mainframe));
    expect(await manifestsOf(other)).toContainEqual(['image', true]);
    expect(other.store.get('multi:1').id).toBe(index.target.digest);
  });

  test('loading one of an archive keeps nothing of the others', async () => {
    await using other = await loadedElsewhere(await saved(), board);
    expect(await manifestsOf(other)).toEqual([
      ['image', false],
      ['image', true],
      ['attestation', false],
    ]);
    // Index, manifest, config, two layers.
    expect((await other.leftovers()).blobs).toBe(5);
    // What is here already stays.
    await linesOf(images.store.load({ ...images.loading(await saved()), platforms: [board] }));
    expect((await manifestsOf()).every(([, available]) => available)).toBe(true);
  });

  test('loading what is not in the archive is an error', async () => {
    const arm = { os: 'linux', architecture: 'arm64' };
    await expect(loadedElsewhere(await saved(), arm)).rejects.toThrow('linux/arm64');
    expect(() => images.store.save(['multi:1'], [arm])).toThrow(
      'does not provide the specified platform (linux/arm64)',
    );
  });
});

test('removing one leaves the others and what they share', async () => {
  await expect(
    (async () => images.store.remove('multi:1', { force: false, noPrune: false, platforms: [board] }))(),
  ).rejects.toThrow('--force');
  const report = await images.store.remove('multi:1', { force: true, noPrune: false, platforms: [board] });
  expect(report).toEqual([{ Deleted: parts.board.target.digest }]);
  expect(await manifestsOf()).toEqual([
    ['image', true],
    ['image', false],
    ['attestation', true],
  ]);
  expect(() => images.store.get('multi:1', 'linux/s390x')).not.toThrow();
});

describe('with a registry', () => {
  let registry: TestRegistry;
  beforeEach(() => {
    registry = new TestRegistry();
  });
  afterEach(() => registry[Symbol.dispose]());

  test('push sends all, or one alone', async () => {
    const name = `${registry.host}/multi`;
    images.store.tag('multi:1', name, 'all');
    await images.push(`${name}:all`);
    expect(sha256(registry.manifests.get('multi:all')!.bytes)).toBe(index.target.digest);
    images.store.tag('multi:1', `${registry.host}/single`, 'one');
    await images.push(`${registry.host}/single:one`, board);
    expect(sha256(registry.manifests.get('single:one')!.bytes)).toBe(parts.board.target.digest);
    expect(registry.blobs.has(`single@${parts.mainframe.layers[1]!.descriptor.digest}`)).toBe(false);
  });

  test('pull brings the one that is asked for, and a second one beside it', async () => {
    registry.hold('multi', index, '1');
    await using other = await TestImages.open();
    const name = `${registry.host}/multi:1`;
    await expect(other.pull(name)).rejects.toThrow('no matching manifest');
    await other.pullPlatform(name, board);
    expect(other.store.get(name, 'linux/riscv64').id).toBe(index.target.digest);
    expect(() => other.store.get(name, 'linux/s390x')).toThrow('does not provide');
    await other.pullPlatform(name, mainframe);
    for (const platform of ['linux/riscv64', 'linux/s390x'])
      expect(() => other.store.get(name, platform)).not.toThrow();
  });
});

test('import makes an image for it', async () => {
  const archive = (async function* () {
    yield await ociLayout(parts.board, ['x']);
  })();
  const request = { archive, repository: 'imported', tag: '', message: '', changes: [], platform: board };
  await linesOf(images.store.import({ ...request, signal: new AbortController().signal }));
  const { Architecture } = await images.store.inspect('imported', { manifests: false });
  expect(Architecture).toBe('riscv64');
});
