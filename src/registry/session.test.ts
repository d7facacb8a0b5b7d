import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
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
  test('too many requests', async () => {
    registry.misbehave = (_, { path }) =>
      path.includes('/tags/')
        ? failure(429, 'TOOMANYREQUESTS', 'You have reached your pull rate limit', { 'Retry-After': '7' })
        : undefined;
    await expect((await repository()).tags()).rejects.toMatchObject({
      message: 'toomanyrequests: You have reached your pull rate limit',
      retryAfter: 7,
      isTemporary: true,
    });
  });

  test('a page of HTML', async () => {
    registry.misbehave = (_, { path }) =>
      path.includes('/tags/') ? new Response('<html>'.repeat(1e6), { status: 502 }) : undefined;
    await expect((await repository()).tags()).rejects.toThrow(/unexpected answer 502/);
  });

  test('a manifest other than asked for', async () => {
    registry.manifests.set(`a/b@sha256:${'a'.repeat(64)}`, { bytes: Buffer.from('{}'), mediaType: 'x' });
    await expect((await repository()).manifest(`sha256:${'a'.repeat(64)}`)).rejects.toThrow(
      'manifest verification failed',
    );
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
