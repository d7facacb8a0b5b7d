// Images on a real engine, moved by strangers: Docker's client and daemon, skopeo, Debian's registry.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { imageOf, plainLayer, testImage, testLayer } from '../../src/content/testing/layers.ts';
import { ociLayout } from '../../src/engine/images/testing/store.ts';
import { TestRegistry } from '../../src/registry/testing/registry.ts';
import type { EventMessage, ImageInspect } from '../../src/wire/types.ts';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { busyboxLayer } from '../support/official-busybox.ts';
import { type OfficialEngine, startOfficialEngine } from '../support/official-engine.ts';
import { type OfficialRegistry, startOfficialRegistry } from '../support/official-registry.ts';
import { output } from '../support/process.ts';
import { officialClient, officialClients } from '../support/programs.ts';
import { until } from '../support/until.ts';

let engine: TestEngine;
let registry: OfficialRegistry;
beforeAll(async () => {
  [engine, registry] = await Promise.all([startEngine(), startOfficialRegistry()]);
});
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  await engine[Symbol.asyncDispose]();
});

const scratch = (name: string) => `${engine.roots.base}/${name}`;
const inspect = async (name: string) => (await engine.api.get(`/images/${name}/json`)).ok.json<ImageInspect>();

/** Docker's own client; throws unless it succeeded. */
async function official(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await engine.official(...args);
  if (code !== 0) throw new Error(`docker ${args.join(' ')}: exit code ${code}\n${stdout}${stderr}`);
  return stdout.trim();
}

describe('with Docker’s own client', () => {
  test('images are listed, shown, tagged and removed', async () => {
    expect(await official('images', '--format', '{{.Repository}}:{{.Tag}}')).toContain('busybox:latest');
    await official('tag', 'busybox', 'mine/box:1');
    expect(await official('image', 'inspect', '-f', '{{index .RepoTags 1}}', 'busybox')).toBe('mine/box:1');
    expect(await official('rmi', 'mine/box:1')).toBe('Untagged: mine/box:1');
    const refused = await engine.official('rmi', 'nope');
    // Clients before 23 leave out who says so, and the tag.
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/^Error( response from daemon)?: No such image: nope(:latest)?$/m);
  });

  test('saved, removed, loaded: the same image', async () => {
    const before = await inspect('hello-world');
    await official('save', '-o', scratch('hello.tar'), 'hello-world');
    await official('rmi', 'hello-world');
    expect(await official('load', '-i', scratch('hello.tar'))).toContain('Loaded image: hello-world:latest');
    expect((await inspect('hello-world')).Id).toBe(before.Id);
    expect(await official('run', '--rm', '--network', 'none', 'hello-world')).toContain('Hello from');
  });

  test('exported and imported, committed and run', async () => {
    const id = await official(
      'run',
      '-d',
      '--network',
      'none',
      'busybox',
      'sh',
      '-c',
      'echo one > /added; rm /etc/passwd',
    );
    await official('wait', id);
    await official('commit', '-m', 'why', '-c', 'CMD ["cat", "/added"]', id, 'committed');
    expect(await official('run', '--rm', '--network', 'none', 'committed')).toBe('one');
    const gone = await engine.official('run', '--rm', '--network', 'none', 'committed', 'test', '-e', '/etc/passwd');
    expect(gone.code).toBe(1);
    await official('export', '-o', scratch('exported.tar'), id);
    await official('import', '-c', 'CMD cat /added', scratch('exported.tar'), 'imported:1');
    expect(await official('run', '--rm', '--network', 'none', 'imported:1')).toBe('one');
    expect(await official('history', '--format', '{{.Comment}}', 'committed')).toContain('why');
    await official('rm', id);
    await official('rmi', 'committed', 'imported:1');
  });

  test('what is imported and is no archive is said to be none, with Docker’s status', async () => {
    const text = Buffer.from('this is not a tar\n'.repeat(100));
    const cut = readFileSync(await busyboxLayer(scratch('busybox-to-cut'))).subarray(0, 1800);
    for (const [bytes, message] of [
      [text, 'it is not a tar, nor one packed with gzip, zstd, xz or bzip2, or damaged (tar: invalid header)'],
      [Bun.gzipSync(text), 'it is not a tar, nor one packed'],
      [cut, 'tar: unexpected end of the archive'],
    ] as const) {
      const refused = await engine.api.post('/images/create?fromSrc=-&repo=garbage', bytes);
      expect(refused.status).toBe(500);
      expect(refused.text).toContain(`Error processing tar file: ${message}`);
    }
    expect((await engine.official('image', 'inspect', 'garbage')).code).toBe(1);
  });

  test('what a container uses stays', async () => {
    await official('tag', 'busybox', 'used');
    const id = await official('create', '--network', 'none', 'used', 'true');
    await official('rmi', 'busybox');
    const refused = await engine.official('rmi', 'used');
    expect(refused.stderr).toMatch(
      /unable to delete used:latest \(must be forced\) - container \w{12} is using its referenced image/,
    );
    await official('tag', 'used', 'busybox');
    await official('rmi', 'used');
    const { Id } = await inspect('busybox');
    expect(await official('ps', '-a', '--no-trunc', '--format', '{{.Image}}', '--filter', `id=${id}`)).toBe(Id!);
    await official('rm', id);
  });
});

describe('with Debian’s registry', () => {
  const name = (rest: string) => `${registry.host}/${rest}`;

  test('pushed, removed, pulled: the same image', async () => {
    const { Id } = await inspect('busybox');
    await official('tag', 'busybox', name('me/box:1'));
    expect(await official('push', name('me/box:1'))).toContain(`1: digest: ${Id}`);
    await official('rmi', name('me/box:1'));
    expect(await official('pull', name('me/box:1'))).toContain(
      `Status: Downloaded newer image for ${name('me/box:1')}`,
    );
    expect((await inspect(encodeURIComponent(name('me/box:1')))).Id).toBe(Id);
    await official('rmi', name('me/box:1'));
    await official('pull', '-q', `${name('me/box')}@${Id}`);
    expect(await official('run', '--rm', '--network', 'none', `${name('me/box')}@${Id}`, 'echo', 'by digest')).toBe(
      'by digest',
    );
    await official('rmi', `${name('me/box')}@${Id}`);
  });

  test('an index goes and comes whole', async () => {
    await official('tag', 'hello-world', name('hello:1'));
    await official('push', '-q', name('hello:1'));
    const { Id, Descriptor } = await inspect('hello-world');
    expect(Descriptor!.mediaType).toBe('application/vnd.oci.image.index.v1+json');
    const raw = await output(['skopeo', 'inspect', '--raw', '--tls-verify=false', `docker://${name('hello:1')}`]);
    expect(`sha256:${new Bun.CryptoHasher('sha256').update(raw).digest('hex')}`).toBe(Id!);
    await official('rmi', name('hello:1'));
    const remote = (await engine.api.get(`/distribution/${name('hello:1')}/json`)).ok.json<{
      Descriptor: { digest: string };
      Platforms: unknown[];
    }>();
    expect(remote.Descriptor.digest).toBe(Id!);
    expect(remote.Platforms.length).toBeGreaterThan(1);
  });

  test('a run pulls what is missing', async () => {
    await official('tag', 'busybox', name('missing:1'));
    await official('push', '-q', name('missing:1'));
    await official('rmi', name('missing:1'));
    expect(await official('run', '--rm', '--network', 'none', name('missing:1'), 'echo', 'there')).toBe('there');
    await official('rmi', name('missing:1'));
  });

  test('what is not there is said as Docker says it', async () => {
    const { code, stderr } = await engine.official('pull', name('me/box:none'));
    expect(code).toBe(1);
    expect(stderr.trim()).toBe(
      `Error response from daemon: manifest for ${name('me/box:none')} not found: manifest unknown: manifest unknown`,
    );
  });

  test('events tell of it all', async () => {
    const since = Date.now() / 1000;
    await official('tag', 'busybox', name('events:1'));
    await official('push', '-q', name('events:1'));
    await official('rmi', name('events:1'));
    await official('pull', '-q', name('events:1'));
    await official('rmi', name('events:1'));
    const until = Date.now() / 1000;
    const filters = JSON.stringify({ type: ['image'] });
    const { text } = await engine.api.get(`/events?since=${since}&until=${until}&filters=${filters}`);
    const events = text
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as EventMessage);
    const named = events.filter(({ Actor }) => Actor?.Attributes?.['name']?.startsWith(name('events')));
    expect(named.map(({ Action }) => Action)).toEqual(['tag', 'push', 'untag', 'pull', 'untag']);
  });
});

describe('a registry that wants to know who is there', () => {
  let guarded: OfficialRegistry;
  beforeAll(async () => {
    guarded = await startOfficialRegistry({ users: { me: 'secret' } });
  });
  afterAll(() => guarded[Symbol.asyncDispose]());

  test('lets in who logs in', async () => {
    const login = (password: string) => engine.official('login', '-u', 'me', '-p', password, guarded.host);
    await official('tag', 'busybox', `${guarded.host}/box`);
    const stranger = await engine.official('push', `${guarded.host}/box`);
    expect([stranger.code, stranger.stderr]).toEqual([1, expect.stringContaining('no basic auth credentials')]);
    const wrong = await login('wrong');
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringMatching(/unauthorized/)]);
    expect((await login('secret')).stdout).toContain('Login Succeeded');
    await official('push', '-q', `${guarded.host}/box`);
    await official('rmi', `${guarded.host}/box`);
    await official('pull', '-q', `${guarded.host}/box`);
    await official('rmi', `${guarded.host}/box`);
    await official('logout', guarded.host);
    expect((await engine.official('pull', `${guarded.host}/box`)).code).toBe(1);
  });
});

describe('with skopeo', () => {
  test('archives of both kinds, both ways, digests equal', async () => {
    await official('save', '-o', scratch('saved.tar'), 'busybox');
    const layout = `oci:${scratch('layout')}:box`;
    await output(['skopeo', 'copy', '--insecure-policy', `docker-archive:${scratch('saved.tar')}`, layout]);
    const ours = await inspect('busybox');
    const theirs = JSON.parse(await output(['skopeo', 'inspect', '--config', layout])) as {
      rootfs: { diff_ids: string[] };
    };
    expect(theirs.rootfs.diff_ids).toEqual(ours.RootFS!.Layers!);
    for (const kind of ['docker-archive', 'oci-archive']) {
      const file = scratch(`${kind}.tar`);
      await output(['skopeo', 'copy', '--insecure-policy', layout, `${kind}:${file}:from-skopeo:${kind}`]);
      expect(await official('load', '-i', file)).toContain(`from-skopeo:${kind}`);
      expect(await official('run', '--rm', '--network', 'none', `from-skopeo:${kind}`, 'echo', 'works')).toBe('works');
      expect((await inspect(`from-skopeo:${kind}`)).RootFS!.Layers).toEqual(ours.RootFS!.Layers);
      await official('rmi', `from-skopeo:${kind}`);
    }
  });
});

describe('with podman and buildah', () => {
  const storage = () => ['--root', scratch('pod/root'), '--runroot', scratch('pod/run'), '--storage-driver', 'vfs'];
  const podman = (...args: string[]) => output(['podman', ...storage(), '--cgroup-manager', 'cgroupfs', ...args]);
  const buildah = (...args: string[]) => output(['buildah', ...storage(), ...args]);
  const works = (name: string) => official('run', '--rm', '--network', 'none', name, 'echo', 'works');

  test('what one saves the other loads', async () => {
    await official('tag', 'busybox', 'localhost/shared:1');
    await official('save', '-o', scratch('for-podman.tar'), 'localhost/shared:1');
    await podman('load', '-q', '-i', scratch('for-podman.tar'));
    await official('rmi', 'localhost/shared:1');
    for (const format of ['docker-archive', 'oci-archive']) {
      const file = scratch(`podman-${format}.tar`);
      await podman('save', '-q', '--format', format, '-o', file, 'localhost/shared:1');
      expect(await official('load', '-i', file)).toContain('localhost/shared:1');
      expect(await works('localhost/shared:1')).toBe('works');
      await official('rmi', 'localhost/shared:1');
    }
    await buildah('push', '-q', 'localhost/shared:1', `docker-archive:${scratch('buildah.tar')}:localhost/built:1`);
    expect(await official('load', '-i', scratch('buildah.tar'))).toContain('localhost/built:1');
    expect(await works('localhost/built:1')).toBe('works');
    await official('rmi', 'localhost/built:1');
    await engine.official('rmi', 'localhost/shared:1');
  });

  test('what one exports the other imports', async () => {
    const id = await official('create', '--network', 'none', 'busybox', 'true');
    await official('export', '-o', scratch('ours-exported.tar'), id);
    await official('rm', id);
    await podman('import', '-q', scratch('ours-exported.tar'), 'localhost/imported:1');
    const theirs = await podman('create', '--network', 'none', 'localhost/imported:1', 'true');
    await podman('export', '-o', scratch('theirs-exported.tar'), theirs);
    await podman('rm', theirs);
    await official('import', '-c', 'CMD ["echo", "there and back"]', scratch('theirs-exported.tar'), 'back:1');
    expect(await official('run', '--rm', '--network', 'none', 'back:1')).toBe('there and back');
    await official('rmi', 'back:1');
  });

  test('what one pushes the other pulls', async () => {
    const name = `${registry.host}/pod`;
    const push = ['push', '-q', '--tls-verify=false'];
    await podman(...push, 'localhost/shared:1', `${name}:podman`);
    await buildah(...push, 'localhost/shared:1', `docker://${name}:buildah`);
    for (const tag of ['podman', 'buildah']) {
      await official('pull', '-q', `${name}:${tag}`);
      expect(await works(`${name}:${tag}`)).toBe('works');
    }
    await official('tag', 'busybox', `${name}:ours`);
    await official('push', '-q', `${name}:ours`);
    await podman('pull', '-q', '--tls-verify=false', `${name}:ours`);
    const layers = JSON.parse(
      await podman('image', 'inspect', '--format', '{{json .RootFS.Layers}}', `${name}:ours`),
    ) as string[];
    expect((await inspect('busybox')).RootFS!.Layers).toEqual(layers);
    await official('rmi', `${name}:ours`, `${name}:podman`, `${name}:buildah`);
  });
});

describe('with Docker’s own engine', () => {
  let other: OfficialEngine;
  beforeAll(async () => {
    other = await startOfficialEngine();
  });
  afterAll(() => other[Symbol.asyncDispose]());

  const theirs = (...args: string[]) =>
    output([officialClients[0]!, ...args], { environment: other.clientEnvironment() });

  test('what one saves the other loads and runs', async () => {
    await official('tag', 'busybox', 'ours:1');
    await official('save', '-o', scratch('ours.tar'), 'ours:1');
    expect(await theirs('load', '-i', scratch('ours.tar'))).toContain('Loaded image: ours:1');
    expect(await theirs('run', '--rm', '--network', 'none', 'ours:1', 'echo', 'there')).toBe('there');

    await theirs('tag', 'busybox', 'theirs:1');
    await theirs('save', '-o', scratch('theirs.tar'), 'theirs:1');
    expect(await official('load', '-i', scratch('theirs.tar'))).toContain('Loaded image: theirs:1');
    expect(await official('run', '--rm', '--network', 'none', 'theirs:1', 'echo', 'here')).toBe('here');
    const layers = JSON.parse(await theirs('inspect', '-f', '{{json .RootFS.Layers}}', 'theirs:1')) as string[];
    expect((await inspect('theirs:1')).RootFS!.Layers).toEqual(layers);
    await official('rmi', 'ours:1', 'theirs:1');
  });

  test('what one pushes the other pulls', async () => {
    const name = `${registry.host}/shared`;
    await official('tag', 'busybox', `${name}:ours`);
    await official('push', '-q', `${name}:ours`);
    await theirs('pull', '-q', `${name}:ours`);
    expect(await theirs('run', '--rm', '--network', 'none', `${name}:ours`, 'echo', 'there')).toBe('there');
    await theirs('tag', 'busybox', `${name}:theirs`);
    await theirs('push', '-q', `${name}:theirs`);
    await official('pull', '-q', `${name}:theirs`);
    expect(await official('run', '--rm', '--network', 'none', `${name}:theirs`, 'echo', 'here')).toBe('here');
    await official('rmi', `${name}:ours`, `${name}:theirs`);
  });
});

test('a pull that its client gives up stops, and the next one goes on from there', async () => {
  const noise = Buffer.from(crypto.getRandomValues(new Uint8Array(3_000_000))).toString('latin1');
  const image = await testImage([{ noise }]);
  const { digest, size } = image.layers[0]!.descriptor;
  using slow = new TestRegistry();
  slow.hold('slow', image, '1');
  const half = size >> 1;
  slow.misbehave = (request, { path }) => {
    if (!path.endsWith(digest) || request.headers.has('range')) return undefined;
    return new Response(
      new ReadableStream({ start: controller => controller.enqueue(image.layers[0]!.bytes.subarray(0, half)) }),
    );
  };
  const name = `${slow.host}/slow:1`;
  const ingest = `${engine.dataRoot}/ingest`;
  const partial = `${ingest}/partial-${digest.slice(7)}`;
  const child = Bun.spawn([officialClient(), 'pull', name], {
    env: engine.clientEnvironment(),
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  // With nothing there yet the next pull would begin at the beginning, and be kept waiting like this one.
  await until(() => (statSync(partial, { throwIfNoEntry: false })?.size ?? 0) > 0, {
    what: 'the beginning of a layer',
  });
  child.kill('SIGINT');
  await child.exited;
  // What unpacked as it came is gone, the download stays.
  await until(() => readdirSync(ingest).every(file => file.startsWith('partial-')), { what: 'the end of the pull' });
  await official('pull', '-q', name);
  expect(slow.asked.some(({ headers }) => /^bytes=[1-9]/.test(headers.get('range') ?? ''))).toBe(true);
  await official('rmi', name);
});

describe('odd images', () => {
  async function load(bytes: Uint8Array): Promise<string> {
    return (await engine.api.post('/images/load?quiet=1', bytes)).ok.text;
  }

  test('of two hundred layers, more than Docker takes', async () => {
    const base = readFileSync(await busyboxLayer(scratch('busybox')));
    const layers = Array.from({ length: 200 }, (_, index) => testLayer({ [`many/${index}`]: `${index}` }));
    const image = imageOf([plainLayer(base), ...(await Promise.all(layers))], { config: { Cmd: ['ls', '/many'] } });
    expect(await load(await ociLayout(image, ['docker.io/library/many:1']))).toContain('Loaded image: many:1');
    const listed = await official('run', '--name', 'many', '--network', 'none', 'many:1');
    expect(listed.split('\n').length).toBe(200);
    // A container of it survives the engine, and is an image itself.
    await engine.restart();
    expect((await official('start', '-a', 'many')).split('\n').length).toBe(200);
    await official('commit', 'many', 'many:2');
    expect(await official('run', '--rm', '--network', 'none', 'many:2', 'cat', '/many/0', '/many/199')).toBe('0199');
    await official('rm', 'many');
    await official('rmi', 'many:1', 'many:2');
  });

  test('of another machine are taken with a warning, unless they were asked for', async () => {
    const image = await testImage([{ file: 'x' }], { architecture: 's390x' });
    await load(await ociLayout(image, ['docker.io/library/strange:1']));
    const warning = "The requested image's platform (linux/s390x) does not match the detected host platform (linux/";
    const { code, stdout, stderr } = await engine.official('create', 'strange:1');
    expect([code, stderr]).toEqual([0, expect.stringContaining(`WARNING: ${warning}`)]);
    const asked = await engine.official('create', '--platform', 'linux/s390x', 'strange:1');
    expect([asked.code, asked.stderr]).toEqual([0, '']);
    await official('rm', stdout.trim(), asked.stdout.trim());
    await official('rmi', 'strange:1');
  });

  test('without layers are refused only when there is nothing to run', async () => {
    const image = await testImage([], { config: { Cmd: ['/nothing'] } });
    await load(await ociLayout(image, ['docker.io/library/empty:1']));
    const { code, stderr } = await engine.official('run', '--rm', '--network', 'none', 'empty:1');
    expect([code, stderr]).toEqual([127, expect.stringMatching(/no such file or directory|not found/)]);
    await official('rmi', 'empty:1');
  });
});
