import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { type TestImage, testImage } from '../../content/testing/layers.ts';
import type { Digest } from '../../lib/ids.ts';
import type { ImageUser } from './images.ts';
import { sameReferences } from './remove.ts';
import { TestImages } from './testing/store.ts';

let images: TestImages;
let one: TestImage;
let two: TestImage;
beforeEach(async () => {
  images = await TestImages.open();
  one = await testImage([{ base: '1' }, { a: '1' }], {
    created: '2024-01-01T00:00:00Z',
    config: { Labels: { kind: 'first', stage: 'x' } },
    history: [
      { created: '2023-12-31T00:00:00Z', created_by: 'base' },
      { created: '2024-01-01T00:00:00Z', created_by: 'ENV', empty_layer: true },
      { created: '2024-01-01T00:00:00Z', created_by: 'add a', comment: 'the end' },
    ],
  });
  two = await testImage([{ base: '1' }, { b: '22' }], {
    created: '2024-06-01T00:00:00Z',
    config: { Labels: { kind: 'second' } },
  });
  await images.load(one, 'docker.io/library/one:1');
  await images.load(two, 'localhost:5000/me/two:latest');
});
afterEach(() => images[Symbol.asyncDispose]());

const remove = (reference: string, force = false) =>
  images.store.remove(reference, { force, noPrune: false, platforms: [] });
const short = (image: TestImage) => image.target.digest.slice(7, 19);

function use(image: TestImage, reference: string, running = false): void {
  const user: ImageUser = { id: 'c'.repeat(64), name: 'user', running, reference, manifest: image.target.digest };
  images.users.set(image.target.digest, [user]);
}

describe('finding', () => {
  test('by name, digest, id and the beginning of an id', () => {
    for (const reference of [
      'one:1',
      'library/one:1',
      'docker.io/library/one:1',
      one.target.digest,
      one.target.digest.slice(7),
      short(one),
      one.target.digest.slice(0, 13),
      `one@${one.target.digest}`,
      `one:1@${one.target.digest}`,
    ]) {
      expect([reference, images.store.get(reference).id]).toEqual([reference, one.target.digest]);
    }
    expect(images.store.get('localhost:5000/me/two').id).toBe(two.target.digest);
  });

  test.each([
    ['nope', 'No such image: nope:latest'],
    ['one', 'No such image: one:latest'],
    ['one:2', 'No such image: one:2'],
    ['localhost:5000/me/two:1', 'No such image: localhost:5000/me/two:1'],
    ['Not Valid', 'invalid reference format'],
    ['f'.repeat(64), `No such image: sha256:${'f'.repeat(64)}`],
  ])('%s is not found', (reference, message) => {
    expect(() => images.store.get(reference)).toThrow(message);
  });

  test('a digest counts only in its own repository', () => {
    expect(() => images.store.get(`two@${one.target.digest}`)).toThrow('No such image');
  });
});

describe('list', () => {
  const list = async (filters: Record<string, string[]>, all = false) =>
    (await images.store.list({ all, filters, sharedSize: false, manifests: false })).flatMap(({ RepoTags, Id }) =>
      RepoTags.length > 0 ? RepoTags : [Id],
    );

  test.each<[Record<string, string[]>, string[]]>([
    [{}, ['localhost:5000/me/two:latest', 'one:1']],
    [{ reference: ['one'] }, ['one:1']],
    [{ reference: ['one:*'] }, ['one:1']],
    [{ reference: ['*:latest'] }, []],
    [{ reference: ['localhost:5000/*/two'] }, ['localhost:5000/me/two:latest']],
    [{ reference: ['docker.io/library/o?e:[0-9]'] }, ['one:1']],
    [{ label: ['kind=first'] }, ['one:1']],
    [{ label: ['kind', 'stage=x'] }, ['one:1']],
    [{ 'label!': ['stage'] }, ['localhost:5000/me/two:latest']],
    [{ before: ['localhost:5000/me/two'] }, ['one:1']],
    [{ since: ['one:1'] }, ['localhost:5000/me/two:latest']],
    [{ until: ['2000-01-01'] }, []],
    [{ dangling: ['true'] }, []],
    [{ dangling: ['false'] }, ['localhost:5000/me/two:latest', 'one:1']],
  ])('%j', async (filters, expected) => {
    expect(await list(filters)).toEqual(expected);
  });

  test('bad filters are refused', async () => {
    await expect(list({ dangling: ['maybe'] })).rejects.toThrow("invalid filter 'dangling=[maybe]'");
    await expect(list({ before: ['nope'] })).rejects.toThrow('No such image: nope:latest');
    await expect(list({ until: ['yesterday'] })).rejects.toThrow('invalid timestamp');
    await expect(list({ reference: ['[a'] })).rejects.toThrow('syntax error in pattern');
  });

  test('sizes, shared ones, containers and manifests', async () => {
    use(one, 'one:1');
    const [, first] = await images.store.list({ all: false, filters: {}, sharedSize: true, manifests: true });
    const content = [...one.blobs.values()].reduce((sum, { length }) => sum + length, 0);
    expect(first).toMatchObject({
      Size: content + 2,
      Containers: 1,
      Created: 1_704_067_200,
      Labels: { kind: 'first', stage: 'x' },
    });
    // The base layer, packed and unpacked.
    expect(first!.SharedSize).toBe(one.layers[0]!.bytes.length + 1);
    expect(first!.Manifests).toMatchObject([
      {
        Available: true,
        Kind: 'image',
        ImageData: { Containers: ['c'.repeat(64)], Size: { Unpacked: 2 } },
        Size: { Total: content + 2 },
      },
    ]);
  });

  test('what all images take up is counted once', async () => {
    const { images: all, layersSize } = await images.store.usage();
    const blobs = new Map([...one.blobs, ...two.blobs]);
    expect(layersSize).toBe([...blobs.values()].reduce((sum, { length }) => sum + length, 0) + 1 + 1 + 2);
    expect(all.length).toBe(2);
  });
});

test('inspect tells what the config and the names say', async () => {
  images.store.tag('one:1', 'me/other', 'x');
  expect(await images.store.inspect('one:1', { manifests: false })).toMatchObject({
    Id: one.target.digest,
    RepoTags: ['one:1', 'me/other:x'],
    RepoDigests: [`one@${one.target.digest}`, `me/other@${one.target.digest}`],
    Created: '2024-01-01T00:00:00Z',
    Comment: 'the end',
    Architecture: 'amd64',
    Os: 'linux',
    RootFS: { Type: 'layers', Layers: one.layers.map(({ diffId }) => diffId) },
    Descriptor: { digest: one.target.digest },
  });
});

test('history, newest first, with the size of each layer', async () => {
  expect(await images.store.history('one:1')).toMatchObject([
    { Id: one.target.digest, CreatedBy: 'add a', Size: 1, Comment: 'the end', Tags: ['one:1'] },
    { Id: '<missing>', CreatedBy: 'ENV', Size: 0 },
    { Id: '<missing>', CreatedBy: 'base', Size: 1 },
  ]);
});

describe('tag', () => {
  test('gives a second name, and moves one', () => {
    images.store.tag('one:1', 'two', '');
    images.store.tag(two.target.digest, 'two', 'latest');
    expect(images.store.get('two').id).toBe(two.target.digest);
    expect(images.events.slice(-2)).toEqual(['image tag two:latest', 'image tag two:latest']);
  });

  test.each([
    ['', '', 'invalid reference format'],
    ['UPPER', '', 'must be lowercase'],
    ['x', 'not a tag', 'invalid tag format'],
    ['sha256', '', 'ambiguous'],
  ])('%p %p is refused', (repository, tag, message) => {
    expect(() => images.store.tag('one:1', repository, tag)).toThrow(message);
  });
});

describe('remove', () => {
  test('takes the last name and the image with it', async () => {
    expect(await remove('one:1')).toEqual([{ Untagged: 'one:1' }, { Deleted: one.target.digest }]);
    expect(images.events.slice(-2)).toEqual(['image untag one:1', `image delete ${one.target.digest}`]);
    await images.store.close();
    // The base layer is the other image's as well.
    expect(await images.leftovers()).toEqual({ blobs: two.blobs.size, layers: 2, ingest: [] });
  });

  test('of one of several names takes that name only', async () => {
    images.store.tag('one:1', 'one', '2');
    expect(await remove('one:2')).toEqual([{ Untagged: 'one:2' }]);
    expect(images.store.get('one:1').id).toBe(one.target.digest);
  });

  test('by id with several names has to be forced', async () => {
    images.store.tag('one:1', 'other', '1');
    await expect(remove(short(one))).rejects.toThrow(
      `conflict: unable to delete ${short(one)} (must be forced) - image is referenced in multiple repositories`,
    );
    expect(await remove(short(one), true)).toEqual([
      { Untagged: 'one:1' },
      { Untagged: 'other:1' },
      { Deleted: one.target.digest },
    ]);
  });

  test('a tag takes the digest of the same pull along', async () => {
    await images.load(one, `docker.io/library/one@${one.target.digest}`);
    expect((await remove('one:1')).map(({ Untagged }) => Untagged).filter(Boolean)).toEqual([
      'one:1',
      `one@${one.target.digest}`,
    ]);
  });

  test('is refused while containers use it', async () => {
    use(one, 'one:1');
    await expect(remove('one:1')).rejects.toThrow(
      `conflict: unable to delete one:1 (must be forced) - container cccccccccccc is using its referenced image ${short(one)}`,
    );
    await expect(remove(short(one))).rejects.toThrow(
      '(must be forced) - image is being used by stopped container cccccccccccc',
    );
    use(one, 'one:1', true);
    await expect(remove(short(one), true)).rejects.toThrow(
      '(cannot be forced) - image is being used by running container',
    );
  });

  test('forced while a container uses it leaves it without a name', async () => {
    use(one, 'one:1', true);
    expect(await remove('one:1', true)).toEqual([{ Untagged: 'one:1' }]);
    expect((await images.store.inspect(one.target.digest, { manifests: false })).RepoTags).toEqual([]);
  });

  test('of nothing is an error', async () => {
    await expect(remove('nope')).rejects.toThrow('No such image: nope:latest');
    await expect(remove('  ')).rejects.toThrow('image name cannot be blank');
  });
});

test('which references are the same', () => {
  const digest = `sha256:${'a'.repeat(64)}` as Digest;
  const names = [
    'docker.io/library/a:1',
    'docker.io/library/a:2',
    `docker.io/library/a@${digest}`,
    'docker.io/library/b:1',
  ];
  const reference = (tag?: string, of?: Digest) => ({ domain: 'docker.io', path: 'library/a', tag, digest: of });
  expect(sameReferences(reference('1'), names)).toEqual(['docker.io/library/a:1']);
  expect(sameReferences(reference('1'), names.slice(2))).toEqual([`docker.io/library/a@${digest}`]);
  expect(sameReferences(reference(undefined, digest), names)).toEqual(names.slice(0, 3));
  expect(sameReferences(undefined, names.slice(3))).toEqual(['docker.io/library/b:1']);
  expect(sameReferences(undefined, [])).toEqual([]);
});

describe('prune', () => {
  const prune = (filters: Record<string, string[]> = {}) => images.store.prune(filters);

  test('takes dangling images only, unless told otherwise', async () => {
    expect(await prune()).toEqual({ ImagesDeleted: null, SpaceReclaimed: 0 });
    images.store.tag(two.target.digest, 'one', '1');
    const { ImagesDeleted, SpaceReclaimed } = await prune();
    expect(ImagesDeleted).toEqual([{ Deleted: one.target.digest }]);
    expect(SpaceReclaimed).toBeGreaterThan(0);
  });

  test('of all takes what no container uses', async () => {
    use(two, 'localhost:5000/me/two:latest');
    expect((await prune({ dangling: ['false'] })).ImagesDeleted).toEqual([
      { Untagged: 'one:1' },
      { Deleted: one.target.digest },
    ]);
    expect(await images.tags()).toEqual(['localhost:5000/me/two:latest']);
  });

  test('leaves a name to what a container knows by its id', async () => {
    use(one, short(one));
    images.store.tag('one:1', 'one', '2');
    await prune({ dangling: ['false'] });
    expect((await images.tags()).length).toBe(1);
    expect(images.store.get(short(one)).id).toBe(one.target.digest);
  });

  test('keeps to its filters', async () => {
    expect((await prune({ dangling: ['false'], label: ['kind=second'] })).ImagesDeleted).toEqual([
      { Untagged: 'localhost:5000/me/two:latest' },
      { Deleted: two.target.digest },
    ]);
    expect((await prune({ dangling: ['false'], until: ['2000-01-01'] })).ImagesDeleted).toBeNull();
  });
});

describe('commit', () => {
  test('makes an image of what a container changed', async () => {
    const upperDirectory = `${images.root}/upper`;
    Bun.spawnSync([
      'sh',
      '-c',
      `mkdir -p ${upperDirectory}/etc && echo new > ${upperDirectory}/etc/new && mknod ${upperDirectory}/a c 0 0`,
    ]);
    const id = await images.store.commit({
      snapshot: 'c',
      upperDirectory,
      base: one.target.digest,
      manifest: one.target.digest,
      container: 'c',
      config: { Cmd: ['old'], Env: ['A=1'], Hostname: 'not kept', Image: 'one:1' },
      changes: ['CMD ["new"]', 'ENV B=2'],
      author: 'me',
      comment: 'why',
      repository: 'mine',
      tag: 'v1',
    });
    const image = images.store.get('mine:v1');
    expect(image.id).toBe(id);
    expect(image.config).toEqual({ Cmd: ['new'], Env: ['A=1', 'B=2'] });
    expect(image.layers.length).toBe(3);
    expect(images.store.prepare(image)).toBeUndefined();
    expect((await images.store.history('mine:v1'))[0]).toMatchObject({ CreatedBy: 'old', Comment: 'why', Size: 4 });
    expect((await images.store.history('mine:v1')).map(({ Id }) => Id).slice(0, 2)).toEqual([id, one.target.digest]);
    // It stands on the other one, which stays for it.
    expect(await remove('one:1')).toEqual([{ Untagged: 'one:1' }]);
    expect(await remove('mine:v1')).toEqual([{ Untagged: 'mine:v1' }, { Deleted: id }, { Deleted: one.target.digest }]);
  });
});
