import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { type AddressInfo, createServer } from 'node:net';
import { MEDIA_TYPES } from '../content/oci.ts';
import { sha256 } from '../lib/ids.ts';
import { endpointsFor, type RegistryConfig } from './endpoints.ts';
import { Repository } from './repository.ts';
import { type Credentials, NO_CREDENTIALS, RegistrySession } from './session.ts';
import { failure, TestRegistry } from './testing/registry.ts';

const config: RegistryConfig = {
  insecureRegistries: [],
  registryMirrors: [],
  proxies: { http: '', https: '', no: '' },
  certificateDirectories: [],
};
const user: Credentials = { ...NO_CREDENTIALS, username: 'me', password: 'secret' };

let registry: TestRegistry;
beforeEach(() => {
  registry = new TestRegistry();
});
afterEach(() => registry[Symbol.dispose]());

async function session(credentials: Credentials = NO_CREDENTIALS): Promise<RegistrySession> {
  const [endpoint] = await endpointsFor(registry.host, config, 'pull');
  return new RegistrySession(endpoint!, credentials, config);
}

const repository = async (credentials?: Credentials) => new Repository(await session(credentials), 'a/b', 'pull');
const basic = `Basic ${Buffer.from('me:secret').toString('base64')}`;

/** Wants a token that its own /token gives out; tokens are good for one scope. */
function demandTokens(options: { lifetime?: number; refuse?: boolean } = {}): { issued: string[] } {
  const issued: string[] = [];
  let current = '';
  registry.misbehave = async (request, { path, headers }) => {
    const url = new URL(request.url);
    if (url.pathname === '/token') {
      if (options.refuse) return Response.json({ details: 'incorrect username or password' }, { status: 401 });
      const form = request.method === 'POST' ? new URLSearchParams(await request.text()) : url.searchParams;
      current = `token-${issued.length}`;
      issued.push(
        `${request.method} ${form.getAll('scope').join(' ')} ${headers.get('authorization') ?? form.get('refresh_token') ?? ''}`.trim(),
      );
      return Response.json({ token: current, expires_in: options.lifetime ?? 300 });
    }
    if (path.startsWith('/v2/') && headers.get('authorization') !== `Bearer ${current}`) {
      const challenge = `Bearer realm="http://${registry.host}/token",service="test",scope="repository:a/b:pull"`;
      return failureWith(challenge);
    }
    return undefined;
  };
  return { issued };
}

/** Whoever tries again need not wait. */
const now = { headers: { 'Retry-After': '0' } };

const failureWith = (challenge: string) =>
  failure(401, 'UNAUTHORIZED', 'authentication required', { 'WWW-Authenticate': challenge });

describe('tokens', () => {
  test('are got once and used for all that follows', async () => {
    const { issued } = demandTokens();
    const repo = await repository();
    for (let round = 0; round < 3; round++) expect(await repo.hasBlob(`sha256:${'a'.repeat(64)}` as never)).toBe(false);
    expect(issued).toEqual(['GET repository:a/b:pull']);
  });

  test('are asked for with user and password, or with a refresh token', async () => {
    const { issued } = demandTokens();
    await (await session(user)).verify();
    await (await session({ ...NO_CREDENTIALS, identityToken: 'refresh' })).verify();
    expect(issued).toEqual([`GET repository:a/b:pull ${basic}`, 'POST repository:a/b:pull refresh']);
  });

  test('that the registry refuses are replaced', async () => {
    const { issued } = demandTokens();
    const repo = await repository();
    await repo.hasBlob(`sha256:${'a'.repeat(64)}` as never);
    // Somebody else gets a token: with this registry, ours is void then.
    await (await repository()).hasBlob(`sha256:${'a'.repeat(64)}` as never);
    await repo.hasBlob(`sha256:${'a'.repeat(64)}` as never);
    expect(issued.length).toBe(3);
  });

  test('a wrong password is what the user hears of', async () => {
    demandTokens({ refuse: true });
    await expect((await session(user)).verify()).rejects.toThrow('incorrect username or password');
  });

  test('a token that never satisfies ends in an error, not in a loop', async () => {
    registry.misbehave = (_, { path }) =>
      path.startsWith('/token')
        ? Response.json({ token: 'x' })
        : failureWith(`Bearer realm="http://${registry.host}/token"`);
    await expect((await repository(user)).tags()).rejects.toThrow('unauthorized: authentication required');
    expect(registry.asked.length).toBeLessThan(8);
  });
});

describe('basic authentication', () => {
  beforeEach(() => {
    registry.misbehave = (_, { headers }) =>
      headers.get('authorization') === basic ? undefined : failureWith('Basic realm="test"');
  });

  test('sends user and password', async () => {
    expect(await (await session(user)).verify()).toBe('');
  });

  test('without credentials says so', async () => {
    await expect((await session()).verify()).rejects.toThrow('no basic auth credentials');
  });

  test('with a wrong password fails after one more try', async () => {
    await expect((await session({ ...user, password: 'wrong' })).verify()).rejects.toThrow('authentication required');
    expect(registry.asked.length).toBeLessThanOrEqual(3);
  });
});

describe('redirects', () => {
  test('never carry credentials to another host', async () => {
    using other = new TestRegistry();
    other.misbehave = () => new Response('the blob');
    registry.misbehave = (_, { path, headers }) => {
      if (headers.get('authorization') !== basic) return failureWith('Basic realm="test"');
      if (!path.includes('/blobs/')) return undefined;
      return new Response(null, { status: 307, headers: { Location: `http://${other.host}/elsewhere?signed=1` } });
    };
    const { body } = await (await repository(user)).blob(`sha256:${'a'.repeat(64)}` as never, 0);
    expect(Buffer.concat(await Array.fromAsync(body)).toString()).toBe('the blob');
    expect(other.asked.length).toBe(1);
    expect(other.asked[0]!.headers.get('authorization')).toBeNull();
  });

  test('are followed by what can be sent again', async () => {
    registry.misbehave = (_, { path }) =>
      path.startsWith('/v2/a/b/manifests/')
        ? new Response(null, { status: 307, headers: { Location: '/v2/moved/manifests/v1' } })
        : undefined;
    await (await repository()).putManifest('v1', 'x', Buffer.from('{}'));
    expect(registry.manifests.get('moved:v1')!.bytes.toString()).toBe('{}');
  });

  test('in a loop end', async () => {
    registry.misbehave = (_, { path }) =>
      path.includes('/tags/') ? new Response(null, { status: 302, headers: { Location: path } }) : undefined;
    await expect((await repository()).tags()).rejects.toThrow('redirects without end');
  });

  test('to other protocols are not followed', async () => {
    registry.misbehave = (_, { path }) =>
      path.includes('/tags/')
        ? new Response(null, { status: 302, headers: { Location: 'file:///etc/passwd' } })
        : undefined;
    await expect((await repository()).tags()).rejects.toThrow('file:');
  });
});

describe('what a registry may say', () => {
  test('too many requests, for longer than anybody waits', async () => {
    registry.misbehave = (_, { path }) =>
      path.includes('/tags/')
        ? failure(429, 'TOOMANYREQUESTS', 'You have reached your pull rate limit', { 'Retry-After': '21600' })
        : undefined;
    await expect((await repository()).tags()).rejects.toMatchObject({
      message: 'toomanyrequests: You have reached your pull rate limit (it may be asked again 6 hours later)',
      retryAfter: 21600,
    });
    expect(registry.count('GET', /tags/)).toBe(1);
  });

  test('a page of HTML', async () => {
    registry.misbehave = (_, { path }) =>
      path.includes('/tags/') ? new Response('<html>'.repeat(1e6), { status: 502, ...now }) : undefined;
    await expect((await repository()).tags()).rejects.toThrow(/unexpected answer 502/);
  });

  test('a manifest other than asked for', async () => {
    registry.manifests.set(`a/b@sha256:${'a'.repeat(64)}`, { bytes: Buffer.from('{}'), mediaType: 'x' });
    await expect((await repository()).manifest(`sha256:${'a'.repeat(64)}`)).rejects.toThrow(
      'manifest verification failed',
    );
  });

  test('that it has stored something else', async () => {
    registry.misbehave = (_, { method }) =>
      method === 'PUT'
        ? new Response(null, { status: 201, headers: { 'Docker-Content-Digest': `sha256:${'a'.repeat(64)}` } })
        : undefined;
    await expect((await repository()).putManifest('v1', 'x', Buffer.from('{}'))).rejects.toThrow(
      'has stored sha256:aaa',
    );
  });

  test('nothing but a status, by which it refuses', async () => {
    registry.misbehave = (_, { path }) => (path.includes('/blobs/') ? new Response(null, { status: 401 }) : undefined);
    await expect((await repository()).hasBlob(sha256('x'))).rejects.toThrow('unauthorized: authentication required');
  });

  test('a manifest without end', async () => {
    registry.misbehave = (_, { path }) =>
      path.includes('/manifests/') ? new Response(Buffer.alloc(6 * 1024 * 1024)) : undefined;
    await expect((await repository()).manifest('latest')).rejects.toThrow('larger than');
  });

  test('tags on many pages', async () => {
    registry.misbehave = (request, { path }) => {
      if (!path.includes('/tags/')) return undefined;
      const last = Number(new URL(request.url).searchParams.get('last') ?? 0);
      const link = last < 4 ? { Link: `</v2/a/b/tags/list?last=${last + 1}>; rel="next"` } : undefined;
      return Response.json({ tags: [`t${last}`] }, { headers: link });
    };
    expect(await (await repository()).tags()).toEqual(['t0', 't1', 't2', 't3', 't4']);
  });
});

test('nobody there is said clearly', async () => {
  const { host } = registry;
  const gone = await repository();
  registry[Symbol.dispose]();
  await expect(gone.tags()).rejects.toThrow(`could not reach ${host}: connection refused`);
});

describe('what fails for a passing reason is tried again', () => {
  const digest = sha256('{}');
  const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests: [] }));
  const subject = sha256('subject');

  /** The first few answers to what matches are no good. */
  function disturb(what: RegExp, ...answers: (() => Response)[]): void {
    registry.misbehave = (_, { path }) => (what.test(path) ? answers.shift()?.() : undefined);
  }
  const busy = () => failure(429, 'TOOMANYREQUESTS', 'slow down', now.headers);
  const broken = () => new Response('oops', { status: 503, ...now });

  beforeEach(() => {
    registry.manifests.set('a/b:v1', { bytes: manifest, mediaType: MEDIA_TYPES.index });
    registry.manifests.set(`a/b:${subject.replace(':', '-')}`, { bytes: manifest, mediaType: MEDIA_TYPES.index });
    registry.blobs.set(`a/b@${digest}`, Buffer.from('{}'));
  });

  const calls: [what: string, path: RegExp, call: (repo: Repository) => Promise<unknown>, result: unknown][] = [
    ['a manifest', /manifests/, async repo => (await repo.manifest('v1')).descriptor.digest, sha256(manifest)],
    ['its digest', /manifests/, repo => repo.manifestDigest('v1'), sha256(manifest)],
    ['the tags', /tags/, repo => repo.tags(), ['v1', subject.replace(':', '-')]],
    ['a config', /blobs/, async repo => (await repo.smallBlob(digest, 10)).toString(), '{}'],
    ['whether there is a blob', /blobs/, repo => repo.hasBlob(digest), true],
    ['the referrers', /referrers/, repo => repo.referrers(subject), []],
    ['a manifest that is put', /manifests/, repo => repo.putManifest('v2', MEDIA_TYPES.index, manifest), false],
    ['a manifest that is deleted', /manifests/, repo => repo.deleteManifest('none'), undefined],
    ['a blob that is put', /uploads/, repo => repo.putBlob({ digest: sha256('new'), size: 3 }, whole('new')), 'sent'],
    ['how it is reached', /v2\/$/, repo => repo.hasBlob(digest), true],
  ];
  for (const [what, path, call, result] of calls) {
    test(what, async () => {
      disturb(path, busy, broken);
      expect(await call(await repository())).toEqual(result);
    });
  }

  test('the token', async () => {
    const { issued } = demandTokens();
    const proper = registry.misbehave;
    let failures = 2;
    registry.misbehave = (request, asked) =>
      asked.path.startsWith('/token') && failures-- > 0 ? broken() : proper(request, asked);
    expect(await (await repository()).hasBlob(digest)).toBe(true);
    expect(issued.length).toBe(1);
  });

  test('a manifest whose connection broke', async () => {
    using cut = breakingServer(Buffer.from(manifest));
    const [endpoint] = await endpointsFor(cut.host, config, 'pull');
    const repo = new Repository(new RegistrySession(endpoint!, NO_CREDENTIALS, config), 'a/b', 'pull');
    expect((await repo.manifest('v1')).bytes).toEqual(manifest);
  });

  test('not for ever', async () => {
    registry.misbehave = (_, { path }) => (path.includes('/tags/') ? busy() : undefined);
    await expect((await repository()).tags()).rejects.toThrow('toomanyrequests: slow down');
    expect(registry.count('GET', /tags/)).toBe(5);
  });

  test('not when nobody waits any more', async () => {
    registry.misbehave = (_, { path }) =>
      path.includes('/tags/') ? failure(429, 'TOOMANYREQUESTS', 'slow down', { 'Retry-After': '50' }) : undefined;
    const abort = new AbortController();
    const [endpoint] = await endpointsFor(registry.host, config, 'pull');
    const onWait = () => abort.abort(new Error('enough'));
    const retry = { attempts: 5, onWait };
    const repo = new Repository(new RegistrySession(endpoint!, NO_CREDENTIALS, config), 'a/b', 'pull', { retry });
    await expect(repo.tags(abort.signal)).rejects.toThrow('enough');
  });

  test('not what will stay as it is', async () => {
    for (const status of [400, 401, 403, 404, 405, 501]) {
      registry.asked.length = 0;
      registry.misbehave = (_, { path }) => (path.includes('/tags/') ? new Response('', { status }) : undefined);
      await expect((await repository()).tags()).rejects.toMatchObject({ status });
      expect(registry.count('GET', /tags/)).toBe(1);
    }
  });
});

const whole = (text: string) =>
  async function* (start: number) {
    yield Buffer.from(text).subarray(start);
  };

/** Says how much comes, and breaks off in the middle of it, the first time. */
function breakingServer(body: Buffer): Disposable & { host: string } {
  let breaks = 1;
  const server = createServer(socket => {
    socket.on('error', () => {});
    socket.once('data', (request: Buffer) => {
      const isProbe = request.toString('latin1').startsWith('GET /v2/ ');
      const content = isProbe ? Buffer.from('{}') : body;
      const head = `HTTP/1.1 200 OK\r\nContent-Type: ${MEDIA_TYPES.index}\r\nConnection: close\r\nContent-Length: ${content.length}\r\n\r\n`;
      const cut = !isProbe && breaks-- > 0;
      socket.end(Buffer.concat([Buffer.from(head), cut ? content.subarray(0, 20) : content]));
    });
  });
  server.listen(0, '127.0.0.1');
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.dispose]: () => void server.close(),
  };
}
