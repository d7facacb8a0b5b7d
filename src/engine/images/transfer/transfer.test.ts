import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { type TestImage, testImage } from '../../../content/testing/layers.ts';
import { sha256 } from '../../../lib/ids.ts';
import { type Asked, failure, TestRegistry } from '../../../registry/testing/registry.ts';
import { NO_CREDENTIALS } from '../images.ts';
import { TestImages } from '../testing/store.ts';

let images: TestImages;
let registry: TestRegistry;
let image: TestImage;
let big: TestImage;
beforeEach(async () => {
  images = await TestImages.open();
  registry = new TestRegistry();
  image = await testImage([{ 'etc/a': '1' }, { 'etc/b': '2' }]);
  registry.hold('me/app', image, 'v1');
  // What does not compress, so that there is something to interrupt.
  big = await testImage([{ noise: Buffer.from(crypto.getRandomValues(new Uint8Array(60_000))).toString('base64') }]);
  registry.hold('me/big', big, 'v1');
});
afterEach(async () => {
  registry[Symbol.dispose]();
  await images[Symbol.asyncDispose]();
});

const name = (rest: string) => `${registry.host}/${rest}`;
const nothing = { blobs: 0, layers: 0, ingest: [] as string[] };
const isLayer = (path: string, of: TestImage) => path.endsWith(`/blobs/${of.layers[0]!.descriptor.digest}`);

describe('pull', () => {
  test('brings an image, its layers unpacked', async () => {
    const lines = await images.pull(name('me/app:v1'));
    const [first, second] = image.layers.map(({ descriptor }) => descriptor.digest.slice(7, 19));
    expect(lines[0]).toBe('v1: Pulling from me/app');
    for (const id of [first, second]) {
      const said = lines.filter(line => line.startsWith(`${id}: `)).map(line => line.slice(14));
      expect(said[0]).toBe('Pulling fs layer');
      expect(said.at(-1)).toBe('Pull complete');
    }
    expect(lines.slice(-2)).toEqual([
      `Digest: ${image.target.digest}`,
      `Status: Downloaded newer image for ${name('me/app:v1')}`,
    ]);
    const got = images.store.get(name('me/app:v1'));
    expect(got.id).toBe(image.target.digest);
    expect(images.store.prepare(got)).toBeUndefined();
    expect(images.events).toContain(`image pull ${name('me/app')}`);
  });

  test('of what is here already asks for the manifest only', async () => {
    await images.pull(name('me/app:v1'));
    const before = registry.asked.length;
    expect((await images.pull(name('me/app:v1'))).at(-1)).toBe(`Status: Image is up to date for ${name('me/app:v1')}`);
    expect(registry.count('GET', /blobs/)).toBe(3);
    // One to find out how the registry is reached, one for the manifest.
    expect(registry.asked.length - before).toBe(2);
  });

  test('by digest', async () => {
    await images.pull(name(`me/app@${image.target.digest}`));
    expect(images.store.get(name(`me/app@${image.target.digest}`)).id).toBe(image.target.digest);
    expect((await images.store.inspect(image.target.digest, { manifests: false })).RepoDigests).toEqual([
      name(`me/app@${image.target.digest}`),
    ]);
  });

  test('by a digest that is here already is the registry’s to allow', async () => {
    await images.pull(name('me/app:v1'));
    await expect(images.pull(name(`else/where@${image.target.digest}`))).rejects.toThrow('not found');
    expect(await images.tags()).toEqual([name('me/app:v1')]);
  });

  test('of all tags', async () => {
    registry.hold('me/app', image, 'v2', 'v3');
    await images.pull(name('me/app'));
    expect(await images.tags()).toEqual(['v1', 'v2', 'v3'].map(tag => name(`me/app:${tag}`)));
  });

  test('of an index takes what this machine runs, and says what there is not', async () => {
    const platforms = [
      { os: 'linux', architecture: 's390x' },
      { os: 'linux', architecture: process.arch === 'x64' ? 'amd64' : process.arch },
    ];
    const manifests = [big, image].map(({ target }, at) => ({ ...target, platform: platforms[at] }));
    const bytes = Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests }),
    );
    const target = { mediaType: 'application/vnd.oci.image.index.v1+json', digest: sha256(bytes), size: bytes.length };
    registry.hold('me/multi', { blobs: new Map([...image.blobs, [sha256(bytes), bytes]]), target }, 'v1');
    await images.pull(name('me/multi:v1'));
    expect(images.store.get(name('me/multi:v1'))).toMatchObject({
      id: target.digest,
      manifest: { digest: image.target.digest },
    });
    const { Manifests } = await images.store.inspect(name('me/multi:v1'), { manifests: true });
    expect(Manifests!.map(({ Available }) => Available)).toEqual([false, true]);
    expect(() => images.store.get(name('me/multi:v1'), 'linux/arm64')).toThrow(
      'was found but does not provide the specified platform (linux/arm64)',
    );
  });

  test('two at the same time share the work', async () => {
    await Promise.all([images.pull(name('me/app:v1')), images.pull(name('me/app:v1'))]);
    for (const { descriptor } of image.layers) expect(registry.count('GET', new RegExp(descriptor.digest))).toBe(1);
    expect((await images.leftovers()).ingest).toEqual([]);
  });

  test('a layer that comes in pieces is taken up where it broke', async () => {
    let breaks = 2;
    registry.misbehave = (request, { path }) => {
      if (!isLayer(path, big) || breaks-- <= 0) return undefined;
      const bytes = big.layers[0]!.bytes;
      const from = Number(/bytes=(\d+)-/.exec(request.headers.get('range') ?? '')?.[1] ?? 0);
      const part = bytes.subarray(from, from + 20_000);
      const headers = { 'Content-Range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` };
      return new Response(part, { status: from > 0 ? 206 : 200, headers });
    };
    await images.pull(name('me/big:v1'));
    const ranges = registry.asked.filter(({ path }) => isLayer(path, big)).map(({ headers }) => headers.get('range'));
    expect(ranges).toEqual([null, 'bytes=20000-', 'bytes=40000-']);
  });

  test('a registry without ranges is no trouble', async () => {
    let cut = true;
    registry.misbehave = (_, { path }) => {
      if (!isLayer(path, big)) return undefined;
      const { bytes } = big.layers[0]!;
      const part = cut ? bytes.subarray(0, 30_000) : bytes;
      cut = false;
      return new Response(part);
    };
    await images.pull(name('me/big:v1'));
    expect(registry.count('GET', new RegExp(big.layers[0]!.descriptor.digest))).toBe(2);
  });

  test('what fails for a passing reason is tried again, when the registry says', async () => {
    let failures = 2;
    registry.misbehave = (_, { path }) =>
      isLayer(path, image) && failures-- > 0 ? failure(503, 'UNAVAILABLE', 'later', { 'Retry-After': '0' }) : undefined;
    expect((await images.pull(name('me/app:v1'))).at(-1)).toContain('Downloaded newer image');
  });
});

describe('mirrors of the default registry', () => {
  let mirror: TestRegistry;
  beforeEach(async () => {
    mirror = new TestRegistry();
    await images.stop();
    images.config.registryMirrors = [`http://${mirror.host}/`, `http://${registry.host}`];
    await images.start();
  });
  afterEach(() => mirror[Symbol.dispose]());

  test('are asked first, and without credentials; the next one where one fails', async () => {
    registry.hold('library/app', image, 'v1');
    mirror.misbehave = () => failure(500, 'UNKNOWN', 'out of order');
    await images.pull('app:v1', undefined, { ...NO_CREDENTIALS, username: 'me', password: 'secret' });
    expect(images.store.get('app:v1').id).toBe(image.target.digest);
    expect(mirror.asked.length).toBeGreaterThan(0);
    for (const { headers } of [...mirror.asked, ...registry.asked]) expect(headers.get('authorization')).toBeNull();
  });

  test('are asked again, when the registry itself is out of reach', async () => {
    await images.stop();
    images.config.registryMirrors = [`http://${mirror.host}`];
    // Nobody listens there, so nobody gets to Docker Hub.
    images.config.proxies.https = 'http://127.0.0.1:1';
    await images.start();
    mirror.hold('library/app', image, 'v1');
    let failures = 1;
    mirror.misbehave = (_, { path }) =>
      path.includes('/manifests/') && failures-- > 0
        ? failure(503, 'UNAVAILABLE', 'later', { 'Retry-After': '0' })
        : undefined;
    await images.pull('app:v1');
    expect(mirror.count('GET', /manifests/)).toBe(2);
  });

  test('are not asked for images of other registries', async () => {
    await images.pull(name('me/app:v1'));
    expect(mirror.asked).toEqual([]);
  });
});

describe('a pull that goes wrong says why, and keeps nothing', () => {
  async function expectFailure(reference: string, message: string | RegExp): Promise<void> {
    await expect(images.pull(name(reference))).rejects.toThrow(message);
    expect(await images.leftovers()).toEqual(nothing);
    expect(images.store.count()).toBe(0);
  }

  test('no such tag', () =>
    expectFailure('me/app:none', `manifest for ${name('me/app:none')} not found: manifest unknown: manifest unknown`));
  test('no such repository', () => expectFailure('nobody/knows', /repository .* not found: name unknown/));

  test('no access', async () => {
    registry.misbehave = (_, { path }) =>
      path.includes('/manifests/') ? failure(403, 'DENIED', 'requested access to the resource is denied') : undefined;
    await expectFailure(
      'me/app:v1',
      `pull access denied for ${name('me/app')}, repository does not exist or may require 'docker login': denied: requested access to the resource is denied`,
    );
  });

  test('other content than announced', async () => {
    const { bytes, descriptor } = big.layers[0]!;
    registry.blobs.set(`me/big@${descriptor.digest}`, Buffer.from(bytes).fill(0x55, 100, 200));
    await expectFailure('me/big:v1', `filesystem layer verification failed for digest ${descriptor.digest}`);
  });

  test('a layer that the registry has no more', async () => {
    const { digest } = big.layers[0]!.descriptor;
    registry.blobs.delete(`me/big@${digest}`);
    await expectFailure('me/big:v1', `${registry.host} has lost a part of the image, ${digest}`);
  });

  test('more content than announced', async () => {
    const { bytes, descriptor } = big.layers[0]!;
    registry.blobs.set(`me/big@${descriptor.digest}`, Buffer.concat([bytes, bytes]));
    await expectFailure('me/big:v1', /is longer than/);
  });

  test('a layer that is no archive', async () => {
    const bytes = Buffer.from('just text, over and over'.repeat(100));
    const layer = { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: sha256(bytes), size: bytes.length };
    const manifest = JSON.parse(image.blobs.get(image.target.digest)!.toString()) as { layers: object[] };
    manifest.layers[1] = layer;
    const made = Buffer.from(JSON.stringify(manifest));
    const target = { ...image.target, digest: sha256(made) };
    registry.hold(
      'me/bad',
      { blobs: new Map([...image.blobs, [layer.digest, bytes], [target.digest, made]]), target },
      'v1',
    );
    await expectFailure('me/bad:v1', /tar:|unpacks to/);
  });

  test('an image of schema 1', async () => {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 1, name: 'old', fsLayers: [] }));
    registry.manifests.set('me/old:v1', {
      bytes,
      mediaType: 'application/vnd.docker.distribution.manifest.v1+prettyjws',
    });
    await expectFailure('me/old:v1', 'schema 1');
  });

  test('what is no image', async () => {
    const manifest = JSON.parse(image.blobs.get(image.target.digest)!.toString()) as { config: object };
    manifest.config = { ...manifest.config, mediaType: 'application/vnd.cncf.helm.config.v1+json' };
    const bytes = Buffer.from(JSON.stringify(manifest));
    registry.manifests.set('me/chart:v1', { bytes, mediaType: image.target.mediaType });
    await expectFailure('me/chart:v1', /is no image but an artifact: .*helm/);
  });

  test('a manifest of another digest than the registry says', async () => {
    registry.misbehave = (_, { path }) =>
      path.includes('/manifests/v1')
        ? new Response(image.blobs.get(image.target.digest), {
            headers: { 'Content-Type': image.target.mediaType, 'Docker-Content-Digest': sha256('other') },
          })
        : undefined;
    await expectFailure('me/app:v1', 'manifest verification failed');
  });

  test('no image for this machine', async () => {
    const manifests = [{ ...image.target, platform: { os: 'windows', architecture: 'amd64' } }];
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests }));
    registry.manifests.set('me/win:v1', { bytes, mediaType: 'application/vnd.oci.image.index.v1+json' });
    await expectFailure('me/win:v1', /no matching manifest for linux\/\w+ in the manifest list entries/);
  });
});

describe('no more goes on at once than is configured', () => {
  let many: TestImage;
  /** Most that the registry was asked for at one time, of what matches. */
  function watch(matches: (asked: Asked) => boolean): () => number {
    let [now, most] = [0, 0];
    registry.misbehave = async (_, asked) => {
      if (!matches(asked)) return undefined;
      most = Math.max(most, ++now);
      await Bun.sleep(30);
      now--;
      return undefined;
    };
    return () => most;
  }
  beforeEach(async () => {
    many = await testImage(Array.from({ length: 9 }, (_, at) => ({ [`file${at}`]: `content ${at}` })));
    registry.hold('me/many', many, 'v1');
  });

  test('downloads, of several images together', async () => {
    const most = watch(({ method, path }) => method === 'GET' && path.includes('/blobs/'));
    await Promise.all([
      images.pull(name('me/many:v1')),
      images.pull(name('me/app:v1')),
      images.pull(name('me/big:v1')),
    ]);
    expect(most()).toBe(3);
  });

  test('uploads', async () => {
    await images.load(many, name('new/many:v1'));
    const most = watch(({ method }) => method === 'PATCH');
    images.config.maxConcurrentUploads = 2;
    await images.push(name('new/many:v1'));
    expect(most()).toBe(2);
  });

  test('and what a reload changes counts at once', async () => {
    const most = watch(({ method, path }) => method === 'GET' && path.includes('/blobs/'));
    images.config.maxConcurrentDownloads = 1;
    await images.pull(name('me/app:v1'));
    expect(most()).toBe(1);
    images.config.maxConcurrentDownloads = 6;
    await images.pull(name('me/many:v1'));
    expect(most()).toBe(6);
  });
});

describe('a pull that is cut off', () => {
  /** Sends the beginning of the big layer, and then nothing. */
  function stall(): Promise<void> {
    const { promise: begun, resolve } = Promise.withResolvers<void>();
    registry.misbehave = (request, { path }) => {
      if (!isLayer(path, big) || request.headers.has('range')) return undefined;
      const { bytes } = big.layers[0]!;
      return new Response(
        new ReadableStream({
          start(controller) {
            controller.enqueue(bytes.subarray(0, 40_000));
            setTimeout(resolve, 50);
          },
        }),
      );
    };
    return begun;
  }

  test('stops at once when nobody waits for it any more, and goes on from there', async () => {
    const begun = stall();
    const abort = new AbortController();
    const pulling = images.pull(name('me/big:v1'), abort.signal);
    await begun;
    abort.abort(new Error('interrupted'));
    await expect(pulling).rejects.toThrow('interrupted');
    expect((await images.leftovers()).ingest).toEqual([`partial-${big.layers[0]!.descriptor.digest.slice(7)}`]);
    // The next engine knows of it, too.
    await images.stop();
    await images.start();
    await images.pull(name('me/big:v1'));
    expect(registry.asked.at(-1)!.headers.get('range')).toBe('bytes=40000-');
    expect((await images.leftovers()).ingest).toEqual([]);
  });

  test('goes on for whoever still waits', async () => {
    const { promise: rest, resolve: go } = Promise.withResolvers<void>();
    const { promise: begun, resolve } = Promise.withResolvers<void>();
    registry.misbehave = async (_, { path }) => {
      if (!isLayer(path, big)) return undefined;
      resolve();
      await rest;
      return undefined;
    };
    const abort = new AbortController();
    const left = images.pull(name('me/big:v1'), abort.signal);
    await begun;
    const stayed = images.pull(name('me/big:v1'));
    while (registry.count('GET', /manifests/) < 2) await Bun.sleep(5);
    // It has its manifest, so it is about to wait for the layer, too.
    await Bun.sleep(50);
    abort.abort(new Error('interrupted'));
    await expect(left).rejects.toThrow('interrupted');
    go();
    expect((await stayed).at(-1)).toContain('Downloaded newer image');
  });

  test('is forgotten by a prune', async () => {
    const begun = stall();
    const abort = new AbortController();
    const pulling = images.pull(name('me/big:v1'), abort.signal);
    await begun;
    abort.abort(new Error('interrupted'));
    await expect(pulling).rejects.toThrow('interrupted');
    await images.store.prune({});
    expect(await images.leftovers()).toEqual(nothing);
  });
});

test('a login that is refused names the way by which it was asked', async () => {
  registry.misbehave = (_, { path }) =>
    path === '/v2/'
      ? failure(401, 'UNAUTHORIZED', 'authentication required', { 'WWW-Authenticate': 'Basic realm="test"' })
      : undefined;
  const credentials = { ...NO_CREDENTIALS, username: 'me', password: 'wrong' };
  await expect(images.store.login(registry.host, credentials, new AbortController().signal)).rejects.toThrow(
    `Get "http://${registry.host}/v2/": unauthorized: authentication required`,
  );
});

describe('push', () => {
  beforeEach(() => images.load(image, name('new/app:v1')));

  test('sends what the registry lacks, and what it has not again', async () => {
    const lines = await images.push(name('new/app:v1'));
    expect(lines[0]).toBe(`The push refers to repository [${name('new/app')}]`);
    expect(lines.filter(line => line.endsWith(': Pushed')).length).toBe(2);
    expect(lines.at(-1)).toBe(`v1: digest: ${image.target.digest} size: ${image.target.size}`);
    for (const [digest, bytes] of image.blobs) {
      if (digest === image.target.digest) expect(registry.manifests.get('new/app:v1')!.bytes).toEqual(bytes);
      else expect(registry.blobs.get(`new/app@${digest}`)).toEqual(bytes);
    }
    const uploads = registry.count('PATCH', /uploads/);
    const again = await images.push(name('new/app:v1'));
    expect(again.filter(line => line.endsWith(': Layer already exists')).length).toBe(2);
    expect(registry.count('PATCH', /uploads/)).toBe(uploads);
    expect(registry.count('PUT', /manifests/)).toBe(1);
  });

  test('has blobs of another repository mounted', async () => {
    await images.push(name('new/app:v1'));
    images.store.tag(name('new/app:v1'), name('other/app'), 'v2');
    const lines = await images.push(name('other/app:v2'));
    expect(lines.filter(line => line.endsWith(': Mounted from new/app')).length).toBe(2);
    expect(registry.manifests.has('other/app:v2')).toBe(true);
  });

  test('of all tags', async () => {
    images.store.tag(name('new/app:v1'), name('new/app'), 'v2');
    await images.push(name('new/app'));
    expect([...registry.manifests.keys()].filter(key => key.startsWith('new/app:'))).toEqual([
      'new/app:v1',
      'new/app:v2',
    ]);
  });

  test('of what is not here is an error', async () => {
    await expect(images.push(name('new/app:none'))).rejects.toThrow(`tag does not exist: ${name('new/app:none')}`);
    await expect(images.push(name('none'))).rejects.toThrow(
      `An image does not exist locally with the tag: ${name('none')}`,
    );
  });

  test('that the registry refuses says so', async () => {
    registry.misbehave = (_, { method }) => (method === 'POST' ? failure(403, 'DENIED', 'not yours') : undefined);
    await expect(images.push(name('new/app:v1'))).rejects.toThrow('denied');
  });

  test('what fails for a passing reason is tried again', async () => {
    let failures = 2;
    registry.misbehave = (_, { method }) =>
      method === 'PATCH' && failures-- > 0 ? failure(500, 'UNKNOWN', 'oops', { 'Retry-After': '0' }) : undefined;
    expect((await images.push(name('new/app:v1'))).at(-1)).toContain('digest:');
  });

  test('that breaks in the middle of a blob goes on from there', async () => {
    await images.load(big, name('new/big:v1'));
    let breaks = 2;
    const lengths: (string | null)[] = [];
    registry.misbehave = async (request, { method, path, headers }) => {
      if (method !== 'PATCH' || headers.get('content-length')!.length < 5) return undefined;
      lengths.push(headers.get('content-range'));
      if (breaks-- <= 0) return undefined;
      const came = Buffer.from(await request.arrayBuffer());
      registry.keepOfUpload(path, came.subarray(0, 20_000));
      return failure(503, 'UNAVAILABLE', 'out of order', { 'Retry-After': '0' });
    };
    const lines = await images.push(name('new/big:v1'));
    expect(lines.at(-1)).toContain('digest:');
    const { bytes, descriptor } = big.layers[0]!;
    const last = bytes.length - 1;
    expect(lengths).toEqual([null, `20000-${last}`, `40000-${last}`]);
    expect(registry.blobs.get(`new/big@${descriptor.digest}`)).toEqual(bytes);
  });

  test('to a registry that keeps blobs with another host goes there, without credentials', async () => {
    using store = new TestRegistry();
    let uploads = 0;
    const challenge = { 'WWW-Authenticate': 'Basic realm="test"' };
    registry.misbehave = (_, { method, headers }) => {
      if (!headers.has('authorization')) return failure(401, 'UNAUTHORIZED', 'authentication required', challenge);
      if (method !== 'POST') return undefined;
      const location = `http://${store.host}/v2/kept/blobs/uploads/${++uploads}?signed=yes`;
      return new Response(null, { status: 202, headers: { Location: location } });
    };
    const credentials = { ...NO_CREDENTIALS, username: 'me', password: 'secret' };
    expect((await images.push(name('new/app:v1'), undefined, credentials)).at(-1)).toContain('digest:');
    for (const [digest, bytes] of image.blobs) {
      if (digest !== image.target.digest) expect(store.blobs.get(`kept@${digest}`)).toEqual(bytes);
    }
    for (const { headers } of store.asked) expect(headers.get('authorization')).toBeNull();
  });

  test('that fails for one blob does not wait for the others', async () => {
    let sent = 0;
    registry.misbehave = async (_, { method }) => {
      if (method !== 'PATCH') return undefined;
      // The first is never answered, the second is refused.
      if (++sent === 1) return new Promise<Response>(() => {});
      return failure(403, 'DENIED', 'not yours');
    };
    await expect(images.push(name('new/app:v1'))).rejects.toThrow('not yours');
  });

  test('to a registry that takes no blob of that size, or claims to have it, fails', async () => {
    let answer = 413;
    registry.misbehave = async (request, { method }) => {
      if (method !== (answer === 413 ? 'PATCH' : 'POST')) return undefined;
      await request.arrayBuffer();
      return new Response('<html>', { status: answer });
    };
    await expect(images.push(name('new/app:v1'))).rejects.toThrow(/upload of \d+ bytes: unexpected answer 413/);
    answer = 201;
    await expect(images.push(name('new/app:v1'))).rejects.toThrow('which nobody has sent');
  });

  test('of an upload that the registry has forgotten begins it again', async () => {
    let failures = 1;
    registry.misbehave = (_, { method }) =>
      method === 'PATCH' && failures-- > 0 ? failure(500, 'UNKNOWN', 'oops', { 'Retry-After': '0' }) : undefined;
    expect((await images.push(name('new/app:v1'))).at(-1)).toContain('digest:');
    expect(registry.count('POST', /uploads/)).toBe(image.blobs.size);
  });

  test('whose manifest is refused for a passing reason puts it again', async () => {
    const answers = [500, 503];
    registry.misbehave = (_, { method, path }) =>
      method === 'PUT' && path.includes('/manifests/') && answers.length > 0
        ? failure(answers.shift()!, 'UNAVAILABLE', 'later', { 'Retry-After': '0' })
        : undefined;
    expect((await images.push(name('new/app:v1'))).at(-1)).toContain('digest:');
    expect(registry.count('PUT', /manifests/)).toBe(3);
  });

  test('whose token runs out in the middle gets another', async () => {
    let issued = 0;
    let refusals = 1;
    registry.misbehave = (_, { method, path, headers }) => {
      if (path.startsWith('/token')) return Response.json({ token: `t${++issued}`, expires_in: 300 });
      const challenge = { 'WWW-Authenticate': `Bearer realm="http://${registry.host}/token",service="test"` };
      const isOld = headers.get('authorization') !== `Bearer t${issued}`;
      const runsOut = method === 'PATCH' && refusals-- > 0;
      return isOld || runsOut ? failure(401, 'UNAUTHORIZED', 'authentication required', challenge) : undefined;
    };
    expect((await images.push(name('new/app:v1'))).at(-1)).toContain('digest:');
    expect(registry.manifests.has('new/app:v1')).toBe(true);
  });
});
