import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { Manifest } from '../../../content/oci.ts';
import { testImage, testLayer } from '../../../content/testing/layers.ts';
import { sha256 } from '../../../lib/ids.ts';
import { collect } from '../../../lib/streams.ts';
import { readTar } from '../../../lib/tar/reader.ts';
import { encodeTarHeader, TAR_END, tarEntry } from '../../../lib/tar/writer.ts';
import { archive, inPieces, linesOf, ociLayout, TestImages } from '../testing/store.ts';

let images: TestImages;
beforeEach(async () => {
  images = await TestImages.open();
});
afterEach(() => images[Symbol.asyncDispose]());

const saved = (...names: string[]) => images.saved(names, []);
const layers: Record<string, string>[] = [{ 'etc/a': '1' }, { 'etc/b': '2' }];

/** As old Docker saved images: plain layers in folders, a config, a list. */
async function dockerArchive(tags: string[] | null): Promise<Buffer> {
  const [one, two] = await Promise.all([plainLayer({ 'etc/a': '1' }), plainLayer({ 'etc/b': '2' })]);
  const config = JSON.stringify({
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: [sha256(one), sha256(two)] },
  });
  const list = [{ Config: 'config.json', RepoTags: tags, Layers: ['1/layer.tar', '2/layer.tar'] }];
  return archive([
    ['1/layer.tar', one],
    ['1/VERSION', '1.0'],
    ['2/layer.tar', two],
    ['config.json', config],
    ['manifest.json', JSON.stringify(list)],
  ]);
}

async function plainLayer(files: Record<string, string>): Promise<Uint8Array> {
  const { bytes } = await testLayer(files);
  return Bun.gunzipSync(new Uint8Array(bytes));
}

/** A PAX record counts its own length. */
function paxRecord(text: string): string {
  const length = text.length + 2;
  const digits = String(length + String(length).length).length;
  return `${length + digits} ${text}\n`;
}

describe('load', () => {
  test('an OCI layout under several names', async () => {
    const image = await testImage(layers);
    const lines = await images.load(image, 'docker.io/library/one:1', 'docker.io/me/two:2');
    expect(lines).toEqual(['Loaded image: one:1', 'Loaded image: me/two:2']);
    expect(images.store.get('one:1')).toMatchObject({ id: image.target.digest, os: 'linux', architecture: 'amd64' });
    expect(images.store.prepare(images.store.get('me/two:2'))).toBeUndefined();
  });

  test('an image without a name', async () => {
    const image = await testImage(layers);
    expect(await images.load(image)).toEqual([`Loaded image ID: ${image.target.digest}`]);
    expect(images.store.get(image.target.digest.slice(7, 19)).id).toBe(image.target.digest);
  });

  test('what old Docker saved; the same archive gives the same image', async () => {
    const bytes = await dockerArchive(['old:1', 'localhost:5000/old:2']);
    for (let round = 0; round < 2; round++) {
      const lines = await linesOf(images.store.load(images.loading(bytes)));
      expect(lines).toEqual(['Loaded image: old:1', 'Loaded image: localhost:5000/old:2']);
    }
    expect(await images.tags()).toEqual(['localhost:5000/old:2', 'old:1']);
    expect(images.store.count()).toBe(1);
  });

  test.each([
    ['gzip', (bytes: Buffer) => gzipSync(bytes)],
    ['zstd', (bytes: Buffer) => zstdCompressSync(bytes)],
    ['xz', (bytes: Buffer) => Buffer.from(Bun.spawnSync(['xz', '-c'], { stdin: bytes }).stdout)],
    ['bzip2', (bytes: Buffer) => Buffer.from(Bun.spawnSync(['bzip2', '-c'], { stdin: bytes }).stdout)],
  ])('archives packed with %s', async (_, pack) => {
    const bytes = pack(await dockerArchive(['packed:1']));
    expect(await linesOf(images.store.load(images.loading(bytes)))).toEqual(['Loaded image: packed:1']);
  });

  test.each([
    ['plain', async (bytes: Uint8Array) => bytes],
    ['zstd', async (bytes: Uint8Array) => zstdCompressSync(bytes)],
  ])('layers that are %s', async (_, pack) => {
    const plain = await plainLayer({ 'etc/a': '1' });
    const config = JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      rootfs: { type: 'layers', diff_ids: [sha256(plain)] },
    });
    const list = JSON.stringify([{ Config: 'c.json', RepoTags: ['x:1'], Layers: ['l'] }]);
    const bytes = await archive([
      ['l', await pack(plain)],
      ['c.json', config],
      ['manifest.json', list],
    ]);
    await linesOf(images.store.load(images.loading(bytes)));
    expect(images.store.prepare(images.store.get('x:1'))).toBeUndefined();
  });

  test('a name that another image had leaves that one dangling', async () => {
    const [first, second] = [await testImage([{ a: '1' }]), await testImage([{ a: '2' }])];
    await images.load(first, 'docker.io/library/x:1');
    await images.load(second, 'docker.io/library/x:1');
    expect(images.store.get('x:1').id).toBe(second.target.digest);
    expect((await images.store.inspect(first.target.digest, { manifests: false })).RepoTags).toEqual([]);
  });
});

describe('a bad archive is an error, and nothing of it is kept', () => {
  const layout = ['oci-layout', '{"imageLayoutVersion":"1.0.0"}'] as const;
  const index = (...manifests: object[]) => ['index.json', JSON.stringify({ schemaVersion: 2, manifests })] as const;

  async function expectRefused(bytes: Uint8Array, message: RegExp): Promise<void> {
    await expect(linesOf(images.store.load(images.loading(bytes)))).rejects.toThrow(message);
    expect(await images.leftovers()).toEqual({ blobs: 0, layers: 0, ingest: [] });
    expect(images.store.count()).toBe(0);
  }

  test('no archive at all', () => expectRefused(Buffer.from('hello'), /not a tar, nor .* \(tar: unexpected end/));
  test('an archive of something else', async () =>
    expectRefused(await archive([['readme', 'x']]), /neither an OCI layout nor/));

  test('a blob under a wrong name', async () => {
    const image = await testImage(layers);
    const [first] = image.blobs.keys();
    image.blobs.set(first!, Buffer.from('not what the name says'));
    await expectRefused(await ociLayout(image, []), /instead of/);
  });

  test('a layer that is missing', async () => {
    const image = await testImage(layers);
    image.blobs.delete(image.layers[1]!.descriptor.digest);
    await expectRefused(await ociLayout(image, []), /is missing/);
  });

  test('a manifest that is missing', async () => {
    const image = await testImage(layers);
    image.blobs.delete(image.target.digest);
    await expectRefused(await ociLayout(image, []), /is missing/);
  });

  test('a configuration that is missing', async () => {
    const image = await testImage(layers);
    const { config } = JSON.parse(String(image.blobs.get(image.target.digest))) as Manifest;
    image.blobs.delete(config.digest);
    await expectRefused(await ociLayout(image, []), /the configuration \S+ is missing/);
  });

  test('a layer that is not what the image says', async () => {
    const image = await testImage(layers, { rootfs: { type: 'layers', diff_ids: [sha256('a'), sha256('b')] } });
    await expectRefused(await ociLayout(image, []), /unpacks to/);
  });

  test('a size that is wrong', async () => {
    const image = await testImage([{ a: '1' }]);
    const wrong = { ...image.layers[0]!.descriptor, size: 5 };
    const manifest = JSON.parse(image.blobs.get(image.target.digest)!.toString()) as object;
    const bytes = Buffer.from(JSON.stringify({ ...manifest, layers: [wrong] }));
    image.blobs.set(sha256(bytes), bytes);
    const target = { ...image.target, digest: sha256(bytes), size: bytes.length };
    await expectRefused(await ociLayout({ ...image, target }, []), /but the manifest says 5/);
  });

  test('a name that is none', async () => {
    const image = await testImage(layers);
    await expectRefused(await ociLayout(image, ['Not A Name']), /invalid reference format/);
  });

  test('files that are not in it', async () => {
    const list = JSON.stringify([{ Config: '../../etc/passwd', RepoTags: [], Layers: [] }]);
    await expectRefused(await archive([['manifest.json', list]]), /it has no file/);
  });

  test('a file that is nothing but a hole, larger than any disk', async () => {
    const size = 2 ** 50;
    const records = [`GNU.sparse.major=0`, `GNU.sparse.size=${size}`, `GNU.sparse.map=${size},0`]
      .map(paxRecord)
      .join('');
    const extension = Buffer.from(records.padEnd(512, '\0'));
    const header = Buffer.from(encodeTarHeader(tarEntry({ name: 'x', kind: 'file', size: records.length })));
    header.write('x', 156);
    header.write('        ', 148);
    header.write(
      `${header
        .reduce((sum, byte) => sum + byte, 0)
        .toString(8)
        .padStart(6, '0')}\0 `,
      148,
    );
    const file = encodeTarHeader(tarEntry({ name: 'hole', kind: 'file', size: 0 }));
    await expectRefused(Buffer.concat([header, extension, file, TAR_END]), /no space left on the device/);
  });

  test('a layer that leaves its directory', async () => {
    await expectRefused(await ociLayout(await testImage([{ '../../outside': 'x' }]), []), /is outside of it/);
  });

  test('a blob that its client has sent one half of', async () => {
    const noise = Buffer.from(crypto.getRandomValues(new Uint8Array(300_000))).toString('latin1');
    const bytes = await ociLayout(await testImage([{ noise }]), []);
    const abort = new AbortController();
    async function* cut() {
      yield* inPieces(bytes.subarray(0, bytes.length / 2), 100);
      abort.abort(new Error('gone'));
      yield bytes.subarray(bytes.length / 2);
    }
    const request = { archive: cut(), platforms: [], quiet: true, signal: abort.signal };
    await expect(linesOf(images.store.load(request))).rejects.toThrow('gone');
    expect(await images.leftovers()).toEqual({ blobs: 0, layers: 0, ingest: [] });
  });

  test('an index of indexes of itself is no loop', async () => {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [] }));
    const target = { mediaType: 'application/vnd.oci.image.index.v1+json', digest: sha256(bytes), size: bytes.length };
    const loaded = images.store.load(
      images.loading(
        await archive([[...layout], [...index(target)], [`blobs/sha256/${target.digest.slice(7)}`, bytes]]),
      ),
    );
    expect(await linesOf(loaded)).toEqual([`Loaded image ID: ${target.digest}`]);
  });
});

describe('save', () => {
  test('gives what was loaded, to the byte', async () => {
    const image = await testImage(layers);
    await images.load(image, 'docker.io/library/x:1');
    const bytes = await saved('x:1');
    const blobs = new Map<string, Buffer>();
    for await (const member of readTar(inPieces(bytes))) blobs.set(member.name, await collect(member.body));
    for (const [digest, content] of image.blobs) expect(blobs.get(`blobs/sha256/${digest.slice(7)}`)).toEqual(content);
    expect(JSON.parse(blobs.get('manifest.json')!.toString())).toMatchObject([{ RepoTags: ['x:1'] }]);
    await images.store.remove('x:1', { force: false, noPrune: false, platforms: [] });
    expect(await linesOf(images.store.load(images.loading(bytes)))).toEqual(['Loaded image: x:1']);
    expect(images.store.get('x:1').id).toBe(image.target.digest);
  });

  test('a repository is all of its tags, an id is no name', async () => {
    const image = await testImage(layers);
    await images.load(image, 'docker.io/library/x:1', 'docker.io/library/x:2', 'docker.io/library/y:1');
    const namesIn = async (bytes: Buffer) => {
      for await (const member of readTar(inPieces(bytes))) {
        if (member.name !== 'manifest.json') continue;
        const [entry] = JSON.parse((await collect(member.body)).toString()) as { RepoTags: string[] | null }[];
        return entry!.RepoTags;
      }
      return undefined;
    };
    expect(await namesIn(await saved('x'))).toEqual(['x:1', 'x:2']);
    expect(await namesIn(await saved(image.target.digest.slice(7, 20)))).toBeNull();
  });

  test('an unknown name is an error before anything is sent', () => {
    expect(() => images.store.save(['nope'], [])).toThrow('No such image: nope:latest');
  });

  test('an image removed meanwhile is saved whole', async () => {
    const image = await testImage([{ a: 'x'.repeat(2_000_000) }]);
    await images.load(image, 'docker.io/library/x:1');
    const source = images.store.save(['x:1'], [])[Symbol.asyncIterator]();
    const chunks = [Buffer.from((await source.next()).value as Uint8Array)];
    await images.store.remove('x:1', { force: true, noPrune: false, platforms: [] });
    for (let step = await source.next(); !step.done; step = await source.next()) chunks.push(Buffer.from(step.value));
    expect(await linesOf(images.store.load(images.loading(Buffer.concat(chunks))))).toEqual(['Loaded image: x:1']);
  });
});
