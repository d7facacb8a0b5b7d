// Volumes, bind mounts and tmpfs in real containers.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { collect } from '../../src/lib/streams.ts';
import { tarEntry, writeTar } from '../../src/lib/tar/writer.ts';
import type { Volume } from '../../src/wire/types.ts';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { findLeftovers } from '../support/leftovers.ts';

let engine: TestEngine;
let directory: string;

beforeAll(async () => {
  engine = await startEngine();
  directory = `${engine.roots.base}/host`;
  mkdirSync(directory);
  writeFileSync(`${directory}/file`, 'from the host\n');
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

const volume = async (name: string) => (await engine.api.get(`/volumes/${name}`)).ok.json<Volume>();
const run = (...args: string[]) => engine.docker('run', '--rm', ...args);

/** busybox with a directory of its own in it. */
async function imageWithContent(): Promise<string> {
  const container = await engine.output('create', 'busybox');
  const members = [
    { entry: tarEntry({ name: 'srv/', kind: 'directory' as const, mode: 0o1750, uid: 7, gid: 8 }) },
    { entry: tarEntry({ name: 'srv/page', kind: 'file' as const, size: 5, uid: 9 }), body: Buffer.from('hello') },
    { entry: tarEntry({ name: 'srv/out', kind: 'symlink' as const, linkName: '/etc/shadow' }) },
  ];
  const archive = await collect(writeTar(members));
  (await engine.api.call('PUT', `/containers/${container}/archive?path=/`, new Uint8Array(archive))).ok;
  await engine.output('commit', '-c', 'VOLUME /srv', container, 'with-content');
  await engine.output('rm', container);
  return 'with-content';
}

describe('a named volume', () => {
  test('keeps its content from container to container, and over a restart of the daemon', async () => {
    await run('-v', 'kept:/data', 'busybox', 'sh', '-c', 'echo 1 > /data/x');
    await engine.restart();
    expect((await run('-v', 'kept:/data:ro', 'busybox', 'cat', '/data/x')).stdout).toBe('1\n');
    const { Mountpoint, Labels } = await volume('kept');
    expect(readFileSync(`${Mountpoint}/x`, 'utf8')).toBe('1\n');
    expect(Labels).toEqual({});
  });

  test('can’t be written where it is mounted read-only, nor removed while a container has it', async () => {
    const ran = await run('-v', 'ro:/data:ro', 'busybox', 'touch', '/data/x');
    expect(ran.stderr).toContain('Read-only file system');
    const id = await engine.output('create', '-v', 'ro:/data', 'busybox');
    const refused = await engine.api.delete('/volumes/ro');
    expect([refused.status, refused.message]).toEqual([409, `remove ro: volume is in use - [${id}]`]);
    await engine.output('rm', id);
    expect((await engine.api.delete('/volumes/ro')).status).toBe(204);
  });

  test('of a file system of its own is mounted while containers use it', async () => {
    await engine.output('volume', 'create', '-o', 'type=tmpfs', '-o', 'device=tmpfs', '-o', 'o=size=1m', 'ram');
    const { Mountpoint } = await volume('ram');
    const mounted = () => readFileSync('/proc/self/mounts', 'utf8').includes(Mountpoint);
    const id = await engine.output('run', '-d', '-v', 'ram:/ram', 'busybox', 'sleep', '1000');
    expect(mounted()).toBe(true);
    expect(await engine.output('exec', id, 'sh', '-c', 'mount | grep /ram')).toContain('size=1024k');
    await engine.kill();
    await engine.start();
    expect(mounted()).toBe(true);
    await engine.output('rm', '-f', id);
    expect(mounted()).toBe(false);
  });
});

test('a part of a volume is mounted, links in it lead nowhere else', async () => {
  await run(
    '-v',
    'parts:/v',
    'busybox',
    'sh',
    '-c',
    'mkdir -p /v/a/b; echo deep > /v/a/b/file; ln -s / /v/out; ln -s /a /v/in',
  );
  const mount = (subpath: string) => ['--mount', `src=parts,dst=/part,volume-subpath=${subpath}`, 'busybox'];
  expect((await run(...mount('a/b'), 'cat', '/part/file')).stdout).toBe('deep\n');
  expect((await run(...mount('in/b/file'), 'cat', '/part')).stdout).toBe('deep\n');
  expect((await run(...mount('out'), 'ls', '/part')).stdout).toBe('a\nin\nout\n');
  expect((await run(...mount('missing'), 'true')).stderr).toContain('cannot access path');
  const id = await engine.output('create', ...mount('a'));
  expect(await engine.output('cp', `${id}:/part/b/file`, '-')).toContain('deep');
  await engine.output('rm', id);
});

describe('a new volume', () => {
  beforeAll(imageWithContent);

  test('begins with what the image has there, owner and mode included', async () => {
    const script = 'stat -c "%a %u:%g" /srv; stat -c "%u" /srv/page; cat /srv/page; readlink /srv/out';
    const expected = '1750 7:8\n9\nhello/etc/shadow\n';
    expect((await run('-v', 'fresh:/srv', 'with-content', 'sh', '-c', script)).stdout).toBe(expected);
    expect((await run('-v', 'fresh:/elsewhere', 'with-content', 'ls', '/elsewhere')).stdout).toBe('out\npage\n');
    expect((await run('--mount', 'source=bare,target=/srv,volume-nocopy', 'with-content', 'ls', '/srv')).stdout).toBe(
      '',
    );
  });

  test('of the image has no name, and goes with its container when that is asked for', async () => {
    const id = await engine.output('create', 'with-content');
    const { Name = '' } = (await engine.inspect(id)).Mounts![0]!;
    expect((await volume(Name)).Labels).toEqual({ 'com.docker.volume.anonymous': '' });
    await engine.output('rm', id);
    expect((await volume(Name)).Name).toBe(Name);
    expect((await engine.output('volume', 'prune', '-f')).split('\n')).toContain(Name);
    const other = await engine.output('create', 'with-content');
    const { Name: second = '' } = (await engine.inspect(other)).Mounts![0]!;
    await engine.output('rm', '-v', other);
    expect((await engine.api.get(`/volumes/${second}`)).status).toBe(404);
  });
});

test('the anonymous volumes of a --rm container are gone when its client ends', async () => {
  const before = await engine.output('volume', 'ls', '-q');
  const volumes = Array.from({ length: 40 }, (_, index) => ['-v', `/anonymous${index}`]).flat();
  expect((await run(...volumes, 'busybox', 'true')).code).toBe(0);
  expect(await engine.output('volume', 'ls', '-q')).toBe(before);
});

describe('a bind mount', () => {
  test('shows the host’s files; -v makes a missing directory, --mount does not', async () => {
    expect((await run('-v', `${directory}/file:/f:ro`, 'busybox', 'cat', '/f')).stdout).toBe('from the host\n');
    await run('-v', `${directory}/made/by/v:/d`, 'busybox', 'touch', '/d/x');
    expect(existsSync(`${directory}/made/by/v/x`)).toBe(true);
    const refused = await run('--mount', `type=bind,src=${directory}/none,dst=/d`, 'busybox', 'true');
    expect(refused.code).toBe(125);
    expect(refused.stderr).toContain(
      `invalid mount config for type "bind": bind source path does not exist: ${directory}/none`,
    );
  });

  test('is the same in inspect as Docker has it', async () => {
    const id = await engine.output('create', '-v', `${directory}:/d:ro`, '-v', 'named:/n', 'busybox');
    expect((await engine.inspect(id)).Mounts).toEqual([
      { Type: 'bind', Source: directory, Destination: '/d', Mode: 'ro', RW: false, Propagation: 'rprivate' },
      {
        Type: 'volume',
        Name: 'named',
        Source: `${engine.dataRoot}/volumes/named/_data`,
        Destination: '/n',
        Driver: 'local',
        Mode: 'z',
        RW: true,
        Propagation: '',
      },
    ]);
    await engine.output('rm', id);
  });
});

describe('a mounted image', () => {
  test('shows its files, read-only, also after a restart of the daemon, and whatever becomes of the image', async () => {
    const image = await imageWithContent();
    const mount = `type=image,src=${image},dst=/mnt/image`;
    const part = `type=image,src=${image},dst=/mnt/part,image-subpath=srv`;
    const flags = ['--mount', mount, '--mount', part, '--network', 'none'];
    await engine.output('run', '-d', '--name', 'user', ...flags, 'busybox', 'sleep', '1000');
    await engine.output('rmi', '-f', image);
    await engine.kill();
    await engine.start();
    const script = 'cat /mnt/image/srv/page /mnt/part/page; touch /mnt/image/x /mnt/part/x';
    const ran = await engine.docker('exec', 'user', 'sh', '-c', script);
    expect(ran.stdout).toBe('hellohello');
    expect(ran.stderr.match(/Read-only file system/g)).toHaveLength(2);
    await engine.output('restart', '-t', '0', 'user');
    expect(await engine.output('exec', 'user', 'cat', '/mnt/part/page')).toBe('hello');
    await engine.output('stop', '-t', '0', 'user');
    expect((await engine.docker('cp', 'user:/mnt/image/srv/page', '-')).stdout).toContain('hello');
    const [shown] = (await engine.inspect('user')).Mounts!;
    expect(shown).toMatchObject({ Type: 'image', Name: image, Destination: '/mnt/image', RW: false });
    await engine.output('rm', 'user');
    expect(findLeftovers(engine.roots).mounts.filter(path => path.includes('/rootfs/'))).toEqual([]);
  });

  test('that is not there makes no container', async () => {
    const HostConfig = { Mounts: [{ Type: 'image', Source: 'no-such-image', Target: '/x' }] };
    const answer = await engine.api.post('/containers/create?name=imageless', { Image: 'busybox', HostConfig });
    expect([answer.status, answer.message]).toEqual([404, 'No such image: no-such-image:latest']);
    expect((await engine.api.get('/containers/imageless/json')).status).toBe(404);
  });
});

test('--tmpfs and --mount type=tmpfs are empty, limited and gone with the container', async () => {
  const ran = await run(
    '--tmpfs',
    '/a:size=64k,mode=700',
    '--mount',
    'type=tmpfs,dst=/b,tmpfs-size=1m',
    'busybox',
    'sh',
    '-c',
    'mount | grep -E " /(a|b) "; ls /a /b',
  );
  expect(ran.stdout).toContain('size=64k,mode=700');
  expect(ran.stdout).toContain('size=1024k');
  expect(ran.stdout).toContain('noexec');
});

test('--volumes-from takes over volumes and binds', async () => {
  const id = await engine.output('create', '--name', 'source', '-v', 'shared:/v', '-v', `${directory}:/h`, 'busybox');
  const ran = await run('--volumes-from', 'source:ro', 'busybox', 'sh', '-c', 'cat /h/file; touch /v/x');
  expect(ran.stdout).toBe('from the host\n');
  expect(ran.stderr).toContain('Read-only file system');
  await engine.output('rm', id);
});

test('volume commands create, list, inspect, prune and remove', async () => {
  expect(await engine.output('volume', 'create', '--label', 'a=b', 'listed')).toBe('listed');
  expect(await engine.output('volume', 'ls', '-q', '--filter', 'label=a=b')).toBe('listed');
  expect(JSON.parse(await engine.output('volume', 'inspect', 'listed'))).toMatchObject([
    { Name: 'listed', Labels: { a: 'b' } },
  ]);
  expect((await engine.docker('volume', 'inspect', 'missing')).stderr).toContain('no such volume');
  expect((await engine.docker('volume', 'create', '../x')).stderr).toContain(
    'includes invalid characters for a local volume name',
  );
  expect(await engine.output('volume', 'prune', '-f', '-a', '--filter', 'label=a')).toContain('listed');
  const gone = await engine.docker('volume', 'rm', 'listed');
  expect(gone.code).toBe(1);
  expect(gone.stderr).toContain('get listed: no such volume');
});
