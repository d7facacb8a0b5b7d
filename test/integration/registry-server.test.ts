// Our registry as strangers meet it: skopeo, curl, and clients that do everything wrong.

import { describe, expect, test } from 'bun:test';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestCertificates } from '../../src/daemon/test-certificates.ts';
import { sha256 } from '../../src/lib/ids.ts';
import { TestRegistry as OriginRegistry } from '../../src/registry/testing/registry.ts';
import { startOfficialRegistry } from '../support/official-registry.ts';
import { output, run } from '../support/process.ts';
import { ourDockyard } from '../support/programs.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { until } from '../support/until.ts';

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';

function temporaryDirectory(): Disposable & { path: string } {
  const path = mkdtempSync(join(tmpdir(), 'dockyard-test-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}

async function pushBlob(url: string, name: string, content: string | Uint8Array): Promise<Response> {
  const digest = sha256(content);
  return fetch(`${url}/v2/${name}/blobs/uploads/?digest=${digest}`, { method: 'POST', body: content as string });
}

/** An image of one small layer. Returns its digest. */
async function pushImage(
  url: string,
  name: string,
  tag: string,
  layer = `layer of ${tag}`,
  more = {},
): Promise<string> {
  const parts = ['{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}', layer];
  for (const part of parts) expect((await pushBlob(url, name, part)).status).toBe(201);
  const [config, only] = parts.map(part => ({ digest: sha256(part), size: part.length }));
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...config },
    layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', ...only }],
    ...more,
  });
  const headers = { 'Content-Type': MANIFEST };
  const response = await fetch(`${url}/v2/${name}/manifests/${tag}`, { method: 'PUT', body: manifest, headers });
  expect(response.status).toBe(201);
  expect(response.headers.get('docker-content-digest')).toBe(sha256(manifest));
  return sha256(manifest);
}

async function errorOf(response: Response): Promise<[number, string]> {
  const { errors } = (await response.json()) as { errors: { code: string }[] };
  return [response.status, errors[0]!.code];
}

async function beginUpload({ url }: TestRegistry, name: string): Promise<string> {
  const response = await fetch(`${url}/v2/${name}/blobs/uploads/`, { method: 'POST' });
  expect(response.status).toBe(202);
  return response.headers.get('location')!;
}

describe('strangers', () => {
  test('skopeo copies to it and from it, digests equal', async () => {
    await using registry = await startRegistry();
    using directory = temporaryDirectory();
    await pushImage(registry.url, 'first/image', 'v1');
    const inspect = (host: string, name: string) =>
      output(['skopeo', 'inspect', '--tls-verify=false', '--format={{.Digest}}', `docker://${host}/${name}`]);
    const digest = await inspect(registry.host, 'first/image:v1');
    const layout = `oci:${directory.path}/layout:v1`;
    await output(['skopeo', 'copy', '--src-tls-verify=false', `docker://${registry.host}/first/image:v1`, layout]);
    await output(['skopeo', 'copy', '--dest-tls-verify=false', layout, `docker://${registry.host}/second:copied`]);
    expect(await inspect(registry.host, 'second:copied')).toBe(digest);
    expect((await (await fetch(`${registry.url}/v2/_catalog`)).json()) as unknown).toEqual({
      repositories: ['first/image', 'second'],
    });
    await output(['skopeo', 'delete', '--tls-verify=false', `docker://${registry.host}/second:copied`]);
    expect((await fetch(`${registry.url}/v2/second/manifests/copied`)).status).toBe(404);
  });

  test('curl reads ranges, and asks only for what has changed', async () => {
    await using registry = await startRegistry();
    const text = '0123456789';
    await pushBlob(registry.url, 'r', text);
    const blob = `${registry.url}/v2/r/blobs/${sha256(text)}`;
    expect(await output(['curl', '-sf', '-r', '3-5', blob])).toBe('345');
    expect(await output(['curl', '-sf', '-r', '-2', blob])).toBe('89');
    const status = (...flags: string[]) =>
      output(['curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', ...flags, blob]);
    expect(await status('-r', '10-')).toBe('416');
    expect(await status('-H', `If-None-Match: "${sha256(text)}"`)).toBe('304');
    const head = await output(['curl', '-sfI', blob]);
    expect(head.toLowerCase()).toContain('content-length: 10');
    expect(head).toContain(sha256(text));
  });

  test('users and TLS', async () => {
    using directory = temporaryDirectory();
    const certificates = new TestCertificates(directory.path);
    certificates.authority('ca');
    certificates.certificate('server', 'ca');
    const users = join(directory.path, 'htpasswd');
    writeFileSync(users, `ana:${await Bun.password.hash('secret', { algorithm: 'bcrypt', cost: 4 })}\n`);
    const tls = [`--tls-cert=${certificates.path('server')}`, `--tls-key=${certificates.path('server-key')}`];
    await using registry = await startRegistry([`--htpasswd=${users}`, ...tls]);
    expect(registry.url).toStartWith('https://');
    const status = async (...flags: string[]) => {
      const command = ['curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', '--cacert', certificates.path('ca')];
      return output([...command, ...flags, `${registry.url}/v2/`]);
    };
    expect(await status()).toBe('401');
    expect(await status('-u', 'ana:wrong')).toBe('401');
    expect(await status('-u', 'ana:secret')).toBe('200');

    writeFileSync(users, `bob:${await Bun.password.hash('hidden', { algorithm: 'bcrypt', cost: 4 })}\n`);
    expect(await status('-u', 'ana:secret')).toBe('401');
    expect(await status('-u', 'bob:hidden')).toBe('200');

    const { url } = registry;
    certificates.authority('other');
    certificates.certificate('next', 'other');
    const trusted = (authority: string) => {
      const flags = ['-sS', '-o', '/dev/null', '-w', '%{http_code}', '-u', 'bob:hidden'];
      return run(['curl', ...flags, '--cacert', certificates.path(authority), `${url}/v2/`]);
    };
    const renew = (certificate: string) => {
      copyFileSync(certificates.path(certificate), certificates.path('server'));
      process.kill(registry.pid, 'SIGHUP');
    };
    // Half of it is of no use: the old one stays.
    renew('next');
    await until(() => registry.log().includes('the certificate stays as it is'));
    expect((await trusted('ca')).stdout).toBe('200');
    copyFileSync(certificates.path('next-key'), certificates.path('server-key'));
    renew('next');
    await until(() => registry.log().includes('the certificate is a new one'));
    expect(await trusted('other')).toMatchObject({ stdout: '200' });
    expect((await trusted('ca')).code).not.toBe(0);
  });
});

describe('uploads', () => {
  test('several requests, a mistake in between, and a cancelled one', async () => {
    await using registry = await startRegistry();
    const url = registry.url + (await beginUpload(registry, 'u'));
    const send = (body: string, range?: string) =>
      fetch(url, { method: 'PATCH', body, headers: range === undefined ? {} : { 'Content-Range': range } });
    expect((await send('hello ', '0-5')).headers.get('range')).toBe('0-5');
    expect((await send('x', '20-20')).status).toBe(416);
    expect(await errorOf(await send('xyz', '6-6'))).toEqual([400, 'SIZE_INVALID']);
    const status = await fetch(url);
    expect([status.status, status.headers.get('range')]).toEqual([204, '0-5']);
    expect((await send('wor')).status).toBe(202);
    const digest = sha256('hello world');
    const end = await fetch(`${url}?digest=${digest}`, {
      method: 'PUT',
      body: 'ld',
      headers: { 'Content-Range': '9-10' },
    });
    expect([end.status, end.headers.get('location')]).toEqual([201, `/v2/u/blobs/${digest}`]);
    expect(await (await fetch(`${registry.url}/v2/u/blobs/${digest}`)).text()).toBe('hello world');

    const other = registry.url + (await beginUpload(registry, 'u'));
    expect((await fetch(other, { method: 'DELETE' })).status).toBe(204);
    expect(await errorOf(await fetch(other))).toEqual([404, 'BLOB_UPLOAD_UNKNOWN']);
  });

  test('kill -9 in the middle: what came is kept, what was there is whole, and the upload goes on', async () => {
    await using registry = await startRegistry();
    const digest = await pushImage(registry.url, 'k', 'v1');
    const path = await beginUpload(registry, 'k');
    const whole = Buffer.alloc(3_000_000, 'dockyard ');
    const cut = new ReadableStream<Uint8Array>({
      start: controller => controller.enqueue(whole.subarray(0, 1_500_000)),
    });
    const sending = fetch(registry.url + path, { method: 'PATCH', body: cut }).catch(() => undefined);
    const data = join(registry.root, 'uploads', path.slice(path.lastIndexOf('/') + 1), 'data');
    await until(() => Bun.file(data).size > 0, { what: 'the first bytes on the disk' });
    await registry.restart('SIGKILL');
    await sending;
    const url = registry.url + path;
    const range = (await fetch(url)).headers.get('range')!;
    const at = Number(range.slice(2)) + 1;
    expect(at).toBeWithin(2, 1_500_001);
    const end = await fetch(`${url}?digest=${sha256(whole)}`, { method: 'PUT', body: whole.subarray(at) });
    expect(end.status).toBe(201);
    expect(sha256(await (await fetch(`${registry.url}/v2/k/blobs/${sha256(whole)}`)).bytes())).toBe(sha256(whole));
    expect((await fetch(`${registry.url}/v2/k/manifests/v1`)).headers.get('docker-content-digest')).toBe(digest);
    expect(readdirSync(join(registry.root, 'uploads'))).toEqual([]);
  });

  test('many at once, of the same and of different content', async () => {
    await using registry = await startRegistry();
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    await Promise.all(names.map(name => pushImage(registry.url, 'together', name, 'the same layer')));
    await Promise.all(names.map(name => pushImage(registry.url, name, 'v1', `layer ${name}`)));
    const tags = (await (await fetch(`${registry.url}/v2/together/tags/list`)).json()) as unknown;
    expect(tags).toEqual({ name: 'together', tags: names });
    expect(readdirSync(join(registry.root, 'uploads'))).toEqual([]);
  });
});

describe('bad input', () => {
  test('has a code each, and leaves nothing', async () => {
    await using registry = await startRegistry();
    const { url } = registry;
    const digest = sha256('other');
    const post = (path: string) => fetch(url + path, { method: 'POST', body: 'content' });
    const put = (path: string, body: string) =>
      fetch(url + path, { method: 'PUT', body, headers: { 'Content-Type': MANIFEST } });
    expect(await errorOf(await post(`/v2/a/blobs/uploads/?digest=${digest}`))).toEqual([400, 'DIGEST_INVALID']);
    expect(await errorOf(await post('/v2/a/blobs/uploads/?digest=sha256:1'))).toEqual([400, 'DIGEST_INVALID']);
    expect(await errorOf(await post('/v2/Upper/blobs/uploads/'))).toEqual([400, 'NAME_INVALID']);
    expect(await errorOf(await post('/v2/a%2f..%2f..%2fb/blobs/uploads/'))).toEqual([400, 'NAME_INVALID']);
    expect(await errorOf(await post('/v2/a/blobs/uploads/..%2f..'))).toEqual([404, 'NAME_UNKNOWN']);
    expect(await errorOf(await put('/v2/a/manifests/-bad', '{}'))).toEqual([400, 'TAG_INVALID']);
    expect(await errorOf(await put('/v2/a/manifests/t', '{'))).toEqual([400, 'MANIFEST_INVALID']);
    expect(await errorOf(await put('/v2/a/manifests/t', ' '.repeat(5_000_000)))).toEqual([413, 'MANIFEST_INVALID']);
    expect(await errorOf(await fetch(`${url}/v2/nobody/manifests/t`))).toEqual([404, 'NAME_UNKNOWN']);
    expect(await errorOf(await fetch(`${url}/v2/nobody/tags/list`))).toEqual([404, 'NAME_UNKNOWN']);
    expect(await errorOf(await fetch(`${url}/v2/a/blobs/${digest}`))).toEqual([404, 'BLOB_UNKNOWN']);
    const raw = ['curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', '--path-as-is'];
    expect(await output([...raw, `${url}/v2/../../../etc/passwd`])).toBe('404');
    for (const directory of ['uploads', 'repositories', 'temporary']) {
      expect(readdirSync(join(registry.root, directory))).toEqual([]);
    }
  });

  test('a root in use, and options that make no sense', async () => {
    await using registry = await startRegistry();
    const dockyard = (...args: string[]) => run([...ourDockyard, 'registry', ...args]);
    const second = await dockyard('serve', '--addr=127.0.0.1:0', `--root=${registry.root}`);
    expect([second.code, second.stderr]).toEqual([1, expect.stringContaining('in use by another registry process')]);
    expect((await dockyard('gc', `--root=${registry.root}`)).code).toBe(1);
    expect((await dockyard('serve', '--nope')).code).toBe(1);
    expect((await dockyard('serve', '--addr=nowhere')).stderr).toContain('not host:port');
    expect((await dockyard('serve', '--tls-key=x')).stderr).toContain('belong together');
  });
});

test('pages of tags, referrers, mounts', async () => {
  await using registry = await startRegistry();
  const { url } = registry;
  const subject = await pushImage(url, 'app', 'v1');
  for (const tag of ['v2', 'v3']) await pushImage(url, 'app', tag);
  const first = await fetch(`${url}/v2/app/tags/list?n=2`);
  expect(((await first.json()) as { tags: string[] }).tags).toEqual(['v1', 'v2']);
  const next = /<(.*)>; rel="next"/.exec(first.headers.get('link')!)![1]!;
  const second = await fetch(url + next);
  expect(((await second.json()) as { tags: string[] }).tags).toEqual(['v3']);
  expect(second.headers.get('link')).toBeNull();

  const { headers } = await fetch(`${url}/v2/app/manifests/v1`, { method: 'HEAD' });
  const descriptor = { mediaType: MANIFEST, digest: subject, size: Number(headers.get('content-length')) };
  const of = { subject: descriptor, artifactType: 'application/signature' };
  const signature = await pushImage(url, 'app', 'signed', 'signature', of);
  const referrers = async (query = '') => {
    const response = await fetch(`${url}/v2/app/referrers/${subject}${query}`);
    return ((await response.json()) as { manifests: { digest: string }[] }).manifests.map(({ digest }) => digest);
  };
  expect(await referrers()).toEqual([signature]);
  expect(await referrers('?artifactType=application/signature')).toEqual([signature]);
  expect(await referrers('?artifactType=other/type')).toEqual([]);

  const layer = sha256('layer of v1');
  const mount = (from: string) =>
    fetch(`${url}/v2/elsewhere/blobs/uploads/?mount=${layer}&from=${from}`, { method: 'POST' });
  expect((await mount('nobody')).status).toBe(202);
  expect((await fetch(`${url}/v2/elsewhere/blobs/${layer}`)).status).toBe(404);
  expect((await mount('app')).status).toBe(201);
  expect(await (await fetch(`${url}/v2/elsewhere/blobs/${layer}`)).text()).toBe('layer of v1');
});

test('a cache gives what it fetched when its origin is gone', async () => {
  const origin = await startRegistry();
  let isStopped = false;
  try {
    const digest = await pushImage(origin.url, 'app', 'v1');
    await using cache = await startRegistry([`--proxy=${origin.url}`]);
    const layer = `${cache.url}/v2/app/blobs/${sha256('layer of v1')}`;
    const manifest = () => fetch(`${cache.url}/v2/app/manifests/v1`);
    expect((await manifest()).headers.get('docker-content-digest')).toBe(digest);
    expect(await (await fetch(layer)).text()).toBe('layer of v1');
    expect((await pushBlob(cache.url, 'app', 'x')).status).toBe(405);
    const changed = await pushImage(origin.url, 'app', 'v1', 'another layer');
    expect((await manifest()).headers.get('docker-content-digest')).toBe(changed);
    isStopped = true;
    await origin[Symbol.asyncDispose]();
    expect((await manifest()).headers.get('docker-content-digest')).toBe(changed);
    expect(await (await fetch(layer)).text()).toBe('layer of v1');
    expect((await fetch(`${cache.url}/v2/app/manifests/never`)).status).toBe(502);
  } finally {
    if (!isStopped) await origin[Symbol.asyncDispose]();
  }
});

describe('a cache', () => {
  const content = Buffer.alloc(3_000_000, 'some content ');
  const digest = sha256(content);

  test('asks once for what many want at the same time', async () => {
    using origin = new OriginRegistry();
    origin.blobs.set(`app@${digest}`, content);
    const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: [] }));
    origin.manifests.set('app:v1', { bytes: manifest, mediaType: INDEX });
    origin.misbehave = async () => {
      await Bun.sleep(50);
      return undefined;
    };
    await using cache = await startRegistry([`--proxy=http://${origin.host}`]);
    const get = async (path: string) => Buffer.from(await (await fetch(`${cache.url}/v2/app/${path}`)).arrayBuffer());
    const ten = Array.from({ length: 10 });
    for (const bytes of await Promise.all(ten.map(() => get('manifests/v1')))) expect(bytes).toEqual(manifest);
    for (const bytes of await Promise.all(ten.map(() => get(`blobs/${digest}`)))) expect(bytes).toEqual(content);
    expect(await get(`blobs/${digest}`)).toEqual(content);
    expect([origin.count('GET', /manifests/), origin.count('GET', /blobs/)]).toEqual([1, 1]);
  });

  test('gives on what comes while it comes', async () => {
    using origin = new OriginRegistry();
    const { promise: rest, resolve: go } = Promise.withResolvers<void>();
    origin.misbehave = (_, { path }) => (path.includes('/blobs/') ? inTwo(content, rest) : undefined);
    await using cache = await startRegistry([`--proxy=http://${origin.host}`]);
    const response = await fetch(`${cache.url}/v2/app/blobs/${digest}`);
    const reader = response.body!.getReader();
    const { value } = await reader.read();
    const begun = Buffer.from(value!);
    expect(begun.equals(content.subarray(0, begun.length))).toBe(true);
    go();
    const chunks = [begun];
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      chunks.push(Buffer.from(value));
    }
    expect(Buffer.concat(chunks).equals(content)).toBe(true);
  });

  test('gives a range as soon as it has come', async () => {
    const { promise: rest, resolve: go } = Promise.withResolvers<void>();
    let blobs = 0;
    // It says the length before it has all of it, which Bun's server does not.
    const origin = createServer((request, response) => {
      if (!request.url!.includes('/blobs/')) return void response.end('{}');
      blobs++;
      response.setHeader('Content-Length', content.length);
      response.write(content.subarray(0, content.length / 2));
      void rest.then(() => response.end(content.subarray(content.length / 2)));
    });
    using _closed = { [Symbol.dispose]: () => origin.close() };
    const port = await new Promise<number>(resolve => {
      origin.listen(0, '127.0.0.1', () => resolve((origin.address() as AddressInfo).port));
    });
    await using cache = await startRegistry([`--proxy=http://127.0.0.1:${port}`]);
    const range = (Range: string) => fetch(`${cache.url}/v2/app/blobs/${digest}`, { headers: { Range } });
    const first = await range('bytes=2-4');
    expect([first.status, first.headers.get('content-range')]).toEqual([206, `bytes 2-4/${content.length}`]);
    expect(Buffer.from(await first.arrayBuffer())).toEqual(content.subarray(2, 5));
    const last = range('bytes=-3');
    go();
    expect(Buffer.from(await (await last).arrayBuffer())).toEqual(content.subarray(-3));
    expect(blobs).toBe(1);
  });

  test('neither keeps wrong content nor gives all of it', async () => {
    using origin = new OriginRegistry();
    origin.blobs.set(`app@${digest}`, Buffer.concat([content.subarray(1), Buffer.from('!')]));
    await using cache = await startRegistry([`--proxy=http://${origin.host}`]);
    const whole = async () => (await fetch(`${cache.url}/v2/app/blobs/${digest}`)).arrayBuffer();
    await expect(whole()).rejects.toThrow();
    origin.blobs.set(`app@${digest}`, content);
    expect(Buffer.from(await whole()).equals(content)).toBe(true);
  });
});

/** Its first half, and the second when told. */
function inTwo(content: Buffer, rest: Promise<void>): Response {
  const half = content.length / 2;
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      controller.enqueue(content.subarray(0, half));
      await rest;
      controller.enqueue(content.subarray(half));
      controller.close();
    },
  });
  return new Response(body);
}

test('a cache of a registry of others, which wants a password and knows nothing of referrers', async () => {
  using directory = temporaryDirectory();
  await using ours = await startRegistry();
  await using origin = await startOfficialRegistry({ users: { ana: 'secret' } });
  const digest = await pushImage(ours.url, 'app', 'v1');
  const copy = ['--preserve-digests', '--src-tls-verify=false', '--dest-tls-verify=false', '--dest-creds=ana:secret'];
  await output(['skopeo', 'copy', ...copy, `docker://${ours.host}/app:v1`, `docker://${origin.host}/app:v1`]);
  const size = (await (await fetch(`${ours.url}/v2/app/manifests/v1`)).arrayBuffer()).byteLength;
  const manifests = [{ mediaType: MANIFEST, digest, size, artifactType: 'example/signature' }];
  const mediaType = 'application/vnd.oci.image.index.v1+json';
  const list = `http://${origin.host}/v2/app/manifests/${digest.replace(':', '-')}`;
  const headers = { 'Content-Type': mediaType, Authorization: `Basic ${btoa('ana:secret')}` };
  const body = JSON.stringify({ schemaVersion: 2, mediaType, manifests });
  expect((await fetch(list, { method: 'PUT', headers, body })).status).toBe(201);

  const password = (text: string) => {
    writeFileSync(`${directory.path}/${text}`, `${text}\n`);
    return ['--proxy-username=ana', `--proxy-password-file=${directory.path}/${text}`];
  };
  await using cache = await startRegistry([`--proxy=http://${origin.host}`, ...password('secret')]);
  const manifest = await fetch(`${cache.url}/v2/app/manifests/v1`);
  expect(manifest.headers.get('docker-content-digest')).toBe(digest);
  const referrers = (await (await fetch(`${cache.url}/v2/app/referrers/${digest}`)).json()) as { manifests: object[] };
  expect(referrers.manifests).toEqual(manifests);
  await using locked = await startRegistry([`--proxy=http://${origin.host}`, ...password('wrong')]);
  expect((await fetch(`${locked.url}/v2/app/manifests/v1`)).status).toBe(502);
});

test('gc removes what nothing refers to', async () => {
  using directory = temporaryDirectory();
  const layer = sha256('nobody needs me');
  const path = join(directory.path, 'blobs/sha256', layer.slice(7, 9), layer.slice(7));
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, 'nobody needs me');
  const gc = [...ourDockyard, 'registry', 'gc', `--root=${directory.path}`];
  expect(await output(gc)).toContain('0 blobs');
  await Bun.sleep(20);
  expect(await output([...gc, '--grace=0', '--dry-run'])).toContain(`would remove ${layer}`);
  expect(await output([...gc, '--grace=0'])).toContain('1 blobs (15 bytes)');
  expect(existsSync(path)).toBe(false);
});
