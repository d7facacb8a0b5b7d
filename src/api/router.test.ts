import { beforeAll, describe, expect, test } from 'bun:test';
import {
  conflict,
  failed,
  forbidden,
  notBuilt,
  notFound,
  notModified,
  unauthorized,
  unavailable,
} from '../lib/errors.ts';
import { configureLog } from '../lib/logger.ts';
import type { HttpRequest, Reply } from './http/message.ts';
import { json } from './reply.ts';
import { route } from './route.ts';
import { createRouter } from './router.ts';

beforeAll(() => configureLog({ level: 'fatal' }));

const failures: Record<string, () => unknown> = {
  unauthorized: () => unauthorized('m'),
  forbidden: () => forbidden('m'),
  missing: () => notFound('m'),
  conflict: () => conflict('m'),
  same: () => notModified('m'),
  unbuilt: () => notBuilt('m'),
  unavailable: () => unavailable('m'),
  failed: () => failed('m'),
  bug: () => new TypeError('m'),
};

const router = createRouter([
  route('GET', '/things/json', async ({ version }) => json({ list: version.text })),
  route('GET', '/things/{id}/json', async ({ params, query }) => json({ id: params.id, q: query.text('q') })),
  route('GET', '/images/{name:.*}/json', async ({ params }) => json({ name: params.name })),
  route('POST', '/things/prune', async () => json({}), { since: '1.25' }),
  route('GET', '/fail/{how}', async ({ params }) => {
    throw failures[params.how]!();
  }),
  route('POST', '/json', async request => json(await request.json('ContainerConfig'))),
  route('OPTIONS', '/{any:.*}', async () => json('options')),
]);

function request(method: string, target: string, body = '', headers: Record<string, string> = {}): HttpRequest {
  return {
    method,
    target,
    headers: new Map(Object.entries(headers)),
    body: (async function* () {
      if (body !== '') yield Buffer.from(body);
    })(),
    bodyLength: body.length,
    signal: new AbortController().signal,
  };
}

async function call(...args: Parameters<typeof request>): Promise<{ status: number; body: unknown; reply: Reply }> {
  const reply = await router(request(...args));
  const text = reply.body.kind === 'bytes' ? Buffer.from(reply.body.data).toString() : '';
  const isJson = reply.headers['Content-Type'] === 'application/json';
  return { status: reply.status, body: isJson ? JSON.parse(text) : text, reply };
}

describe('paths', () => {
  const cases: [string, number, unknown][] = [
    ['/things/json', 200, { list: '1.56' }],
    ['/v1.40/things/json', 200, { list: '1.40' }],
    ['/things/a/json?q=b%20c+d', 200, { id: 'a', q: 'b c d' }],
    ['/things/a%2Fb/json', 404, { message: 'page not found' }],
    ['/images/a/b:c/json', 200, { name: 'a/b:c' }],
    ['/images/a%2Fb%3Ac/json', 200, { name: 'a/b:c' }],
    ['/v1.30/images/registry:5000/a/b@sha256:ff/json', 200, { name: 'registry:5000/a/b@sha256:ff' }],
    ['http://host/v1.40/things/json', 200, { list: '1.40' }],
    ['/', 404, { message: 'page not found' }],
    ['/nothing', 404, { message: 'page not found' }],
    ['/v1.40', 404, { message: 'page not found' }],
    ['/v1.40/nothing', 404, { message: 'page not found' }],
    ['/vx.y/things/json', 404, { message: 'page not found' }],
    ['/things/json/', 404, { message: 'page not found' }],
  ];
  test.each(cases)('%s', async (target, status, body) => {
    const answer = await call('GET', target);
    expect(answer.status).toBe(status);
    expect(answer.body).toEqual(body);
  });

  test('another method is another path', async () => {
    expect((await call('DELETE', '/things/json')).status).toBe(404);
    expect((await call('HEAD', '/things/json')).status).toBe(404);
  });

  test('every path has options', async () => {
    expect((await call('OPTIONS', '/v1.40/any/thing')).status).toBe(200);
  });

  test('a broken escape is a bad request', async () => {
    expect(await call('GET', '/images/%zz/json')).toMatchObject({ status: 400 });
    expect(await call('GET', '/things/a/json?q=%f')).toMatchObject({ status: 400 });
  });

  test('an unclean path is sent to the clean one', async () => {
    const { reply } = await call('GET', '//things/./x/../json?q=1');
    expect(reply.status).toBe(301);
    expect(reply.headers['Location']).toBe('/things/json?q=1');
  });
});

describe('versions', () => {
  test('too new ones are told the newest', async () => {
    expect(await call('GET', '/v1.57/things/json')).toMatchObject({
      status: 400,
      body: { message: 'client version 1.57 is too new. Maximum supported API version is 1.56' },
    });
    expect((await call('GET', '/v2/things/json')).status).toBe(400);
  });

  test('too old ones are told the oldest, in plain text', async () => {
    const { status, body, reply } = await call('GET', '/v1.23/things/json');
    expect(status).toBe(400);
    expect(reply.headers['Content-Type']).toStartWith('text/plain');
    expect(body).toBe(
      'client version 1.23 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version\n',
    );
  });

  test('what came later is not there for older clients', async () => {
    expect(await call('POST', '/v1.24/things/prune')).toMatchObject({
      status: 400,
      body: { message: 'POST /things/prune requires minimum API version 1.25' },
    });
    expect((await call('POST', '/v1.25/things/prune')).status).toBe(200);
  });
});

describe('errors', () => {
  const cases: [string, number][] = [
    ['unauthorized', 401],
    ['forbidden', 403],
    ['missing', 404],
    ['conflict', 409],
    ['unbuilt', 501],
    ['unavailable', 503],
    ['failed', 500],
    ['bug', 500],
  ];
  test.each(cases)('%s is %d', async (how, status) => {
    expect(await call('GET', `/fail/${how}`)).toMatchObject({ status, body: { message: 'm' } });
  });

  test('nothing to do is 304 without a body', async () => {
    const { reply } = await call('GET', '/fail/same');
    expect(reply).toEqual({ status: 304, headers: {}, body: { kind: 'none' } });
  });
});

describe('JSON bodies', () => {
  const type = { 'content-type': 'application/json' };
  const cases: [string, string, Record<string, string>, number, unknown][] = [
    ['are read', '{"Cmd":["a"],"Tty":true}', type, 200, { Cmd: ['a'], Tty: true }],
    ['may say their charset', '{}', { 'content-type': 'application/json; charset=utf-8' }, 200, {}],
    ['may be missing', '', {}, 200, {}],
    ['have names in any case', '{"cmd":["a"],"TTY":true}', type, 200, { Cmd: ['a'], Tty: true }],
    ['have null for nothing', '{"Cmd":null}', type, 200, {}],
    ['may have more', '{"Other":1}', type, 200, {}],
    ['may have one word for a list of them', '{"Cmd":"ls -l"}', type, 200, { Cmd: ['ls -l'] }],
    ['may not be broken', '{"Cmd":', type, 400, undefined],
    ['may not go on after their end', '{} {}', type, 400, undefined],
    ['need their type named', '{}', {}, 400, { message: 'malformed Content-Type header ()' }],
    [
      'are of no other type',
      '{}',
      { 'content-type': 'text/plain' },
      400,
      { message: "unsupported Content-Type header (text/plain): must be 'application/json'" },
    ],
    [
      'have fields of the right type',
      '{"Tty":"yes"}',
      type,
      400,
      { message: 'invalid JSON: field Tty must be a boolean, not a string' },
    ],
    [
      'have items of the right type',
      '{"Env":["a",1]}',
      type,
      400,
      { message: 'invalid JSON: field Env[1] must be a string, not the number 1' },
    ],
    ['are objects', '[]', type, 400, { message: 'invalid JSON: the body must be an object, not an array' }],
  ];
  test.each(cases)('%s', async (_name, body, headers, status, expected) => {
    const answer = await call('POST', '/json', body, headers);
    expect(answer.status).toBe(status);
    if (expected !== undefined) expect(answer.body).toEqual(expected);
  });
});
