import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isKind } from '../lib/errors.ts';
import { PluginClient, PluginRefusal } from './client.ts';
import { findPlugin, pluginNames } from './places.ts';
import { Plugins } from './plugins.ts';

let base: string;
const servers: Bun.Server<undefined>[] = [];

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'plugins-'));
  for (const name of ['run', 'etc', 'lib']) mkdirSync(join(base, name));
});

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop(true);
  rmSync(base, { recursive: true });
});

const places = () => ({ sockets: [join(base, 'run')], specs: [join(base, 'etc'), join(base, 'lib')] });

type Handler = (request: Request) => Response | Promise<Response>;

function listen(path: string, fetch: Handler): string {
  const socket = join(base, path);
  servers.push(Bun.serve({ unix: socket, fetch }));
  return socket;
}

const activated = (...what: string[]): Handler => {
  return request => Response.json(request.url.endsWith('/Plugin.Activate') ? { Implements: what } : {});
};

function write(path: string, content: string | object): void {
  writeFileSync(join(base, path), typeof content === 'string' ? content : JSON.stringify(content));
}

describe('a plugin is found', () => {
  test('by its socket, in a directory of its own too, before any file', () => {
    mkdirSync(join(base, 'run/nested'));
    const plain = listen('run/plain.sock', activated());
    const nested = listen('run/nested/nested.sock', activated());
    write('etc/plain.spec', 'tcp://elsewhere:1');
    expect(findPlugin(places(), 'plain')).toEqual({ kind: 'socket', path: plain });
    expect(findPlugin(places(), 'nested')).toEqual({ kind: 'socket', path: nested });
    expect(pluginNames(places())).toEqual(['nested', 'plain']);
  });

  test('by a file with its address', () => {
    write('etc/a.spec', 'tcp://localhost:8080\n');
    write('lib/b.spec', 'unix:///some/b.sock');
    mkdirSync(join(base, 'lib/c'));
    write('lib/c/c.json', { Name: 'c', Addr: 'https://localhost:8081' });
    expect(findPlugin(places(), 'a')).toEqual({ kind: 'url', url: 'http://localhost:8080', tls: undefined });
    expect(findPlugin(places(), 'b')).toEqual({ kind: 'socket', path: '/some/b.sock' });
    // Without an authority there is nothing to check against.
    expect(findPlugin(places(), 'c')).toEqual({
      kind: 'url',
      url: 'https://localhost:8081',
      tls: { insecure: true },
    });
  });

  test('with what it needs to know whom it talks to', () => {
    write('ca.pem', 'authority');
    const TLSConfig = { CAFile: join(base, 'ca.pem') };
    write('etc/safe.json', { Addr: 'https://localhost:8081', TLSConfig });
    expect(findPlugin(places(), 'safe')).toMatchObject({ tls: { ca: 'authority', insecure: false } });
  });

  test('or is not: a file that is no socket, a name that is a path', () => {
    write('run/file.sock', '');
    for (const name of ['file', 'nobody', '../etc/x', '', '.', 'a/../../b']) {
      expect(findPlugin(places(), name)).toBeUndefined();
    }
  });

  test('and what is wrong with its file is said to who asks for it, and to nobody else', () => {
    write('etc/odd.spec', 'not an address');
    write('etc/broken.json', '{');
    expect(() => findPlugin(places(), 'odd')).toThrow('"not an address" is not the address of a plugin');
    expect(() => findPlugin(places(), 'broken')).toThrow('is not JSON');
    expect(pluginNames(places())).toEqual([]);
  });
});

describe('a call', () => {
  const call = (path: string, limitMs = 5000, patienceMs = 0) =>
    new PluginClient('p', { kind: 'socket', path: join(base, path) }).call('X.Y', { a: 1 }, { limitMs, patienceMs });

  test('is JSON by POST, in the protocol’s media type', async () => {
    listen('run/p.sock', async request =>
      Response.json({
        seen: [request.method, new URL(request.url).pathname, request.headers.get('accept'), await request.json()],
      }),
    );
    const expected = ['POST', '/X.Y', 'application/vnd.docker.plugins.v1.2+json', { a: 1 }];
    expect(await call('run/p.sock')).toEqual({ seen: expected });
  });

  test('that is refused says why, whatever form the refusal has', async () => {
    const answers: [Response, string][] = [
      [Response.json({ Err: 'no luck' }), 'no luck'],
      [Response.json({ Error: 'no address' }), 'no address'],
      [Response.json({ Err: 'internal' }, { status: 500 }), 'internal'],
      [new Response('page not found\n', { status: 404 }), 'page not found'],
      [new Response('', { status: 503 }), 'HTTP status 503'],
    ];
    let next = 0;
    listen('run/p.sock', () => answers[next]![0]);
    for (; next < answers.length; next++) {
      const error = await call('run/p.sock').catch(caught => caught);
      expect(error).toBeInstanceOf(PluginRefusal);
      expect(error.message).toBe(`plugin p: X.Y: ${answers[next]![1]}`);
    }
  });

  test('may have an empty answer, but none that is no JSON', async () => {
    let body = '';
    listen('run/p.sock', () => new Response(body));
    expect(await call('run/p.sock')).toEqual({});
    body = 'hello';
    await expect(call('run/p.sock')).rejects.toThrow('the answer is not JSON');
  });

  test('ends when there is no answer in time, in the head or in the body', async () => {
    listen('run/p.sock', () => new Promise(() => {}));
    await expect(call('run/p.sock', 50)).rejects.toThrow('plugin p gave no answer within 0.05 s (X.Y)');
    const endless = new ReadableStream({ start: controller => controller.enqueue('{') });
    listen('run/q.sock', () => new Response(endless));
    await expect(call('run/q.sock', 50)).rejects.toThrow('plugin p gave no answer within 0.05 s (X.Y)');
  });

  test('waits for a plugin that is about to listen, and not for ever', async () => {
    await expect(call('run/p.sock')).rejects.toThrow('plugin p does not listen (X.Y)');
    const waiting = call('run/p.sock', 5000, 5000);
    listen('run/p.sock', () => Response.json({ late: true }));
    expect(await waiting).toEqual({ late: true });
  });
});

describe('over the network', () => {
  const selfSigned = (name: string) => {
    const [cert, key] = [join(base, `${name}.pem`), join(base, `${name}.key`)];
    const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1'];
    const made = ['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject];
    const { exitCode, stderr } = Bun.spawnSync([...made, '-keyout', key, '-out', cert]);
    if (exitCode !== 0) throw new Error(stderr.toString());
    return { cert, key };
  };

  test('a plugin is called by TCP', async () => {
    const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: activated('VolumeDriver') });
    servers.push(server);
    write('etc/p.spec', `tcp://127.0.0.1:${server.port}`);
    expect((await new Plugins(places()).get('p', 'VolumeDriver', { patienceMs: 0 })).name).toBe('p');
  });

  test('and by TLS, if it is the one it should be', async () => {
    const right = selfSigned('right');
    const wrong = selfSigned('wrong');
    const tls = { cert: Bun.file(right.cert), key: Bun.file(right.key) };
    const server = Bun.serve({ port: 0, hostname: '127.0.0.1', tls, fetch: activated('VolumeDriver') });
    servers.push(server);
    const get = (name: string, TLSConfig: object) => {
      write(`etc/${name}.json`, { Addr: `https://127.0.0.1:${server.port}`, TLSConfig });
      return new Plugins(places()).get(name, 'VolumeDriver', { patienceMs: 0 });
    };
    expect((await get('p', { CAFile: right.cert })).name).toBe('p');
    await expect(get('q', { CAFile: wrong.cert })).rejects.toThrow('plugin q: Plugin.Activate');
    expect((await get('r', { InsecureSkipVerify: true })).name).toBe('r');
  });
});

describe('plugins', () => {
  test('are asked once what they are, and again after they did not answer', async () => {
    let asked = 0;
    listen('run/p.sock', request => {
      if (request.url.endsWith('/Plugin.Activate')) asked++;
      return Response.json({ Implements: ['VolumeDriver'] });
    });
    const plugins = new Plugins(places());
    const get = () => plugins.get('p', 'VolumeDriver', { patienceMs: 0 });
    const [first] = await Promise.all([get(), get()]);
    await get();
    expect(asked).toBe(1);
    expect(plugins.known('VolumeDriver')).toEqual(['p']);
    expect(plugins.known('NetworkDriver')).toEqual([]);
    await servers.pop()!.stop(true);
    await expect(first!.call('Create', {}, { limitMs: 1000 })).rejects.toThrow('does not listen');
    rmSync(join(base, 'run/p.sock'), { force: true });
    listen('run/p.sock', activated('NetworkDriver'));
    await expect(get()).rejects.toThrow('plugin "p" is no VolumeDriver: it implements NetworkDriver');
  });

  test('that are not there are not found, at once or after a while', async () => {
    const plugins = new Plugins(places());
    const error = await plugins.get('p', 'VolumeDriver', { patienceMs: 0 }).catch(caught => caught);
    expect(isKind(error, 'notFound')).toBe(true);
    const waiting = plugins.get('p', 'VolumeDriver', { patienceMs: 5000 });
    listen('run/p.sock', activated('VolumeDriver'));
    expect((await waiting).name).toBe('p');
  });

  test('of a kind are all those that answer', async () => {
    listen('run/a.sock', activated('VolumeDriver'));
    listen('run/b.sock', activated('NetworkDriver'));
    listen('run/c.sock', () => new Response('ill', { status: 500 }));
    const all = await new Plugins(places()).all('VolumeDriver');
    expect(all.map(({ name }) => name)).toEqual(['a']);
  });
});
