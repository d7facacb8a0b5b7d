import { expect, test } from 'bun:test';
import type { ImageSummary } from '../../../wire/types.ts';
import { imageRows } from '../../format/lists/images.ts';
import { FakeEngine, Status } from '../../testing/fake-engine.ts';
import { drawTree } from './tree.ts';

const hex = (letter: string) => letter.repeat(64);

function image(more: Partial<ImageSummary>): ImageSummary {
  return {
    Id: `sha256:${hex('a')}`,
    ParentId: '',
    RepoTags: [],
    RepoDigests: [],
    Created: 0,
    Size: 5_000_000,
    SharedSize: -1,
    Labels: {},
    Containers: -1,
    ...more,
  };
}

const names = (summary: ImageSummary, digests = false, digestsShown = false) =>
  imageRows(summary, { truncate: true, digests, digestsShown }).map(row => [row.repository, row.tag, row.digest]);

test('each name of an image has a row, digests where they are asked for', () => {
  const digest = `sha256:${hex('b')}`;
  const tagged = image({ RepoTags: ['busybox:1', 'docker.io/user/app:2'], RepoDigests: [`busybox@${digest}`] });
  expect(names(tagged)).toEqual([
    ['busybox', '1', '<none>'],
    ['user/app', '2', '<none>'],
  ]);
  expect(names(tagged, true)).toEqual([
    ['busybox', '1', digest],
    ['user/app', '2', '<none>'],
  ]);
  expect(names(image({ RepoDigests: [`busybox@${digest}`] }))).toEqual([['busybox', '<none>', '']]);
  expect(names(image({ RepoDigests: [`busybox@${digest}`] }), true)).toEqual([['busybox', '<none>', digest]]);
  expect(names(image({}))).toEqual([['<none>', '<none>', '<none>']]);
});

test('the tree shows the platforms of each image', () => {
  const manifest = (architecture: string, Available: boolean) => ({
    ID: `sha256:${hex('c')}`,
    Descriptor: {},
    Available,
    Size: { Total: 2_000_000, Content: 1_000_000 },
    Kind: 'image' as const,
    ImageData: {
      Platform: { os: 'linux', architecture },
      Containers: architecture === 'amd64' ? ['x'] : [],
      Size: { Unpacked: 1 },
    },
  });
  const shown = drawTree(
    [
      image({
        RepoTags: ['busybox:latest', 'busybox:1'],
        Manifests: [manifest('amd64', true), manifest('arm64', false)],
      }),
      image({}),
    ],
    { color: false },
  );
  expect(shown.split('\n').map(line => line.trimEnd())).toEqual([
    'IMAGE            ID             DISK USAGE   CONTENT SIZE   EXTRA',
    'busybox:1',
    'busybox:latest   aaaaaaaaaaaa          5MB            2MB   U',
    '├─ linux/amd64   cccccccccccc          2MB            1MB   U',
    '└─ linux/arm64   cccccccccccc          2MB            1MB',
    '',
    '<untagged>       aaaaaaaaaaaa          5MB             0B',
    '',
    '',
  ]);
});

test('in a narrow terminal columns give way to names', () => {
  const [, title] = drawTree([image({ RepoTags: ['a:1'] })], { color: false, width: 40 }).split('\n');
  expect(title).toBe('IMAGE   ID             DISK USAGE');
});

test('rm tells what went; with force, what is not there is no failure', async () => {
  using engine = new FakeEngine({
    'DELETE /images/a': [{ Untagged: 'a:latest' }, { Deleted: 'sha256:1' }],
    'DELETE /images/used': new Status(409, 'conflict'),
  });
  expect(await engine.docker('rmi', 'a', 'gone')).toEqual({
    code: 1,
    out: 'Untagged: a:latest\nDeleted: sha256:1\n',
    err: 'Error response from daemon: no such thing: /images/gone\n',
  });
  expect((await engine.docker('rmi', '-f', 'gone')).code).toBe(0);
  expect((await engine.docker('rmi', '-f', 'gone', 'used')).code).toBe(1);
});

test('platforms travel as JSON', async () => {
  using engine = new FakeEngine({ 'GET /images/a/history': [] });
  await engine.docker('history', '--platform', 'linux/arm64', 'a');
  expect(JSON.parse(engine.asked[0]!.query['platform']!)).toEqual({ os: 'linux', architecture: 'arm64' });
});

test('tag takes the name apart', async () => {
  using engine = new FakeEngine({ 'POST /images/a/tag': '' });
  await engine.docker('tag', 'a', 'localhost:5000/x/y');
  expect(engine.asked[0]!.query).toEqual({ repo: 'localhost:5000/x/y', tag: 'latest' });
  expect((await engine.docker('tag', 'a', 'B')).err).toStartWith('Error parsing reference: "B" is not a valid');
});

const progress = (...messages: object[]) => messages.map(message => `${JSON.stringify(message)}\r\n`).join('');

test('pull asks with the credentials of the registry and prints what it got', async () => {
  using engine = new FakeEngine({
    'POST /images/create': progress({ status: 'Pulling from x', id: '1' }, { status: 'Status: done' }),
  });
  const auths = { 'localhost:5000': { auth: Buffer.from('u:pässword~~').toString('base64') } };
  await Bun.write(`${engine.directory}/config/config.json`, JSON.stringify({ auths }));
  const ran = await engine.docker('pull', 'localhost:5000/x');
  expect(ran.out).toBe('Using default tag: latest\n1: Pulling from x\nStatus: done\nlocalhost:5000/x:latest\n');
  expect(engine.asked[0]!.query).toMatchObject({ fromImage: 'localhost:5000/x', tag: 'latest' });
  const header = engine.asked[0]!.headers.get('x-registry-auth')!;
  expect(header).toMatch(/^[\w-]+=*$/);
  expect(header.length % 4).toBe(0);
  expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toMatchObject({
    username: 'u',
    password: 'pässword~~',
  });
});

test('a digest is nothing to push', async () => {
  using engine = new FakeEngine({});
  const ran = await engine.docker('push', `x@sha256:${'0'.repeat(64)}`);
  expect(ran).toEqual({ code: 1, out: '', err: 'cannot push a digest reference\n' });
});

test('an error inside the progress fails the command', async () => {
  using engine = new FakeEngine({
    'POST /images/x/push': progress(
      { status: 'Preparing', id: 'l' },
      { error: 'denied', errorDetail: { message: 'denied' } },
    ),
  });
  expect(await engine.docker('push', 'x:1')).toEqual({ code: 1, out: 'l: Preparing\n', err: 'denied\n' });
});

test('prune asks for dangling images only, unless it is for all', async () => {
  using engine = new FakeEngine({
    'POST /images/prune': { ImagesDeleted: [{ Untagged: 'a:1' }, { Deleted: 'sha256:1' }], SpaceReclaimed: 1000 },
  });
  const { out } = await engine.docker('image', 'prune', '-f');
  expect(out).toBe('Deleted Images:\nuntagged: a:1\ndeleted: sha256:1\n\nTotal reclaimed space: 1kB\n');
  await engine.docker('image', 'prune', '-af');
  const filters = engine.asked.map(({ query }) => JSON.parse(query['filters']!));
  expect(filters).toEqual([{ dangling: { true: true } }, { dangling: { false: true } }]);
});
