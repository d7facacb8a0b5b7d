// Requests, bodies and replies, on a socket that is cut wherever the test likes.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { configureLog } from '../../lib/logger.ts';
import type { ByteSource } from '../../lib/streams.ts';
import { json, noContent, stream, text } from '../reply.ts';
import { FakeClient, settle } from './fake-client.ts';
import type { HttpRequest, Reply } from './message.ts';
import { HttpServer } from './server.ts';

let handler: (request: HttpRequest) => Promise<Reply>;
let server: HttpServer;
let client: FakeClient;

function connect(): FakeClient {
  const fresh = new FakeClient();
  server.accept(fresh.stream);
  return fresh;
}

beforeEach(() => {
  server = new HttpServer({ handler: request => handler(request), headers: { Server: 'test' } });
  client = connect();
});

afterEach(() => server.close(0));

async function bodyOf(request: HttpRequest): Promise<string> {
  let body = '';
  for await (const chunk of request.body) body += Buffer.from(chunk).toString('latin1');
  return body;
}

const echo = async (request: HttpRequest) =>
  json({ method: request.method, target: request.target, body: await bodyOf(request) });

function bodyAfterHead(reply: string): string {
  return reply.slice(reply.indexOf('\r\n\r\n') + 4);
}

describe('a request', () => {
  const requests = {
    'with a length': 'POST /a?b=c HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\nhello world',
    'in chunks':
      'POST /a?b=c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello \r\n5;ext=1\r\nworld\r\n0\r\nTrailer: t\r\n\r\n',
  };
  for (const [name, request] of Object.entries(requests)) {
    test(`${name} is understood wherever it is cut`, async () => {
      handler = echo;
      for (let cut = 0; cut <= request.length; cut++) {
        const one = connect();
        one.send(request.slice(0, cut));
        await settle();
        one.send(request.slice(cut));
        const reply = await one.untilText('}\n');
        expect(reply).toStartWith('HTTP/1.1 200 OK\r\n');
        expect(JSON.parse(bodyAfterHead(reply))).toEqual({ method: 'POST', target: '/a?b=c', body: 'hello world' });
        one.vanish();
      }
    });

    test(`${name} is understood byte by byte`, async () => {
      handler = echo;
      for (const byte of request) {
        client.send(byte);
        await settle();
      }
      expect(JSON.parse(bodyAfterHead(await client.untilText('}\n'))).body).toBe('hello world');
    });
  }

  test('may follow another before that one is answered', async () => {
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let started = 0;
    handler = async request => {
      await gates[started++]!.promise;
      return text(`<${request.target}>`);
    };
    client.send('GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n');
    await settle();
    expect(started).toBe(1);
    gates[0]!.resolve();
    await client.untilText('</1>');
    gates[1]!.resolve();
    const reply = await client.untilText('</2>');
    expect(reply.indexOf('</1>')).toBeLessThan(reply.indexOf('</2>'));
  });

  test('with a body may be followed by another in the same packet', async () => {
    handler = async request => text(`<${request.target} ${await bodyOf(request)}>`);
    client.send('POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET /2 HTTP/1.1\r\nHost: x\r\n\r\n');
    const reply = await client.untilText('</2 >');
    expect(reply).toContain('</1 abc>');
  });

  const broken: [string, string][] = [
    ['no request line', 'garbage\r\n\r\n'],
    ['another protocol', 'GET / HTTP/2.0\r\nHost: x\r\n\r\n'],
    ['a header without a colon', 'GET / HTTP/1.1\r\nHost x\r\n\r\n'],
    ['a space in a header name', 'GET / HTTP/1.1\r\nHost : x\r\n\r\n'],
    ['no host', 'GET / HTTP/1.1\r\n\r\n'],
    ['a length that is no number', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n'],
    ['two different lengths', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'],
    ['an unknown encoding', 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n'],
    ['an unknown expectation', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nExpect: tea\r\n\r\n'],
    ['a head without end', `GET /${'x'.repeat(140_000)}`],
  ];
  test.each(broken)('with %s is a bad request', async (_name, request) => {
    handler = echo;
    client.send(request);
    await client.until(({ ended }) => ended);
    expect(client.text).toStartWith('HTTP/1.1 400 Bad Request\r\n');
    expect(client.text).toContain('Connection: close\r\n');
    expect(Object.keys(JSON.parse(bodyAfterHead(client.text)))).toEqual(['message']);
  });

  test('that ends in the middle of its body fails in the handler', async () => {
    const failed = Promise.withResolvers<unknown>();
    handler = async request => {
      await bodyOf(request).catch(failed.resolve);
      return text('x');
    };
    client.send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc');
    client.halfClose();
    expect(String(await failed.promise)).toContain('ended early');
  });
});

describe('a body', () => {
  test('is not read ahead of the handler without bound', async () => {
    const gate = Promise.withResolvers<void>();
    handler = async request => {
      await gate.promise;
      return text(`<${(await bodyOf(request)).length}>`);
    };
    client.send(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${3 * 1024 * 1024}\r\n\r\n`);
    await settle();
    const megabyte = Buffer.alloc(1024 * 1024);
    client.send(megabyte);
    client.send(megabyte);
    expect(client.paused).toBe(true);
    gate.resolve();
    await client.until(({ paused }) => !paused);
    client.send(megabyte);
    await client.untilText(`<${3 * 1024 * 1024}>`);
  });

  test('is waited for with 100-continue, and only if it is wanted', async () => {
    handler = async request => text(`<${await bodyOf(request)}>`);
    client.send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n');
    await client.untilText('HTTP/1.1 100 Continue\r\n\r\n');
    client.send('abc');
    expect(await client.untilText('<abc>')).toContain('\r\n\r\nHTTP/1.1 200 OK');
  });

  test('that nobody asked for is not sent', async () => {
    handler = async () => text('no');
    client.send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n');
    await client.until(({ ended }) => ended);
    expect(client.text).toStartWith('HTTP/1.1 200 OK');
    expect(client.text).toContain('Connection: close');
  });

  test('of little size that was left unread does not cost the connection', async () => {
    handler = async request => text(`<${request.target}>`);
    client.send('POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n');
    await client.untilText('</1>');
    client.send('abcGET /2 HTTP/1.1\r\nHost: x\r\n\r\n');
    await client.untilText('</2>');
  });

  test('of any size that was left unread does, and the answer still arrives', async () => {
    handler = async () => text('enough');
    client.send('POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n');
    await client.until(({ ended }) => ended);
    expect(client.text).toContain('Connection: close');
    expect(client.text).toEndWith('enough');
    client.send(Buffer.alloc(100_000));
    client.halfClose();
    await client.stream.closed;
  });
});

describe('a reply', () => {
  async function* pieces(...parts: string[]): ByteSource {
    for (const part of parts) yield Buffer.from(part);
  }

  test('that streams comes in chunks, each at once', async () => {
    const gate = Promise.withResolvers<void>();
    handler = async () =>
      stream(
        'x/y',
        (async function* () {
          yield Buffer.from('one');
          await gate.promise;
          yield Buffer.from('two!');
        })(),
      );
    client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(await client.untilText('one')).toContain('Transfer-Encoding: chunked\r\n');
    gate.resolve();
    expect(bodyAfterHead(await client.untilText('0\r\n\r\n'))).toBe('3\r\none\r\n4\r\ntwo!\r\n0\r\n\r\n');
  });

  test('has its head sent before its first byte is known', async () => {
    const { promise } = Promise.withResolvers<never>();
    handler = async () =>
      stream(
        'x/y',
        (async function* () {
          yield await promise;
        })(),
      );
    client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await client.untilText('\r\n\r\n');
  });

  test('to HTTP/1.0 ends with the connection', async () => {
    handler = async () => stream('x/y', pieces('one', 'two'));
    client.send('GET / HTTP/1.0\r\n\r\n');
    await client.until(({ ended }) => ended);
    expect(client.text).not.toContain('chunked');
    expect(bodyAfterHead(client.text)).toBe('onetwo');
  });

  test('to HTTP/1.0 keeps the connection if that was asked for', async () => {
    handler = async request => text(`<${request.target}>`);
    client.send('GET /1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
    expect(await client.untilText('</1>')).toContain('Connection: keep-alive');
    client.send('GET /2 HTTP/1.0\r\n\r\n');
    await client.untilText('</2>');
    await client.until(({ ended }) => ended);
  });

  test('to HEAD has the head of the whole, and no body', async () => {
    handler = async () => text('hello');
    client.send('HEAD / HTTP/1.1\r\nHost: x\r\n\r\n');
    const reply = await client.untilText('\r\n\r\n');
    expect(reply).toContain('Content-Length: 5');
    expect(bodyAfterHead(reply)).toBe('');
  });

  test('without content says nothing of a length', async () => {
    handler = async () => noContent();
    client.send('POST / HTTP/1.1\r\nHost: x\r\n\r\n');
    const reply = await client.untilText('\r\n\r\n');
    expect(reply).toStartWith('HTTP/1.1 204 No Content\r\n');
    expect(reply).not.toContain('Content-Length');
    expect(reply).toEndWith('\r\n\r\n');
  });

  test('is pulled no faster than the client reads', async () => {
    let pulled = 0;
    handler = async () =>
      stream(
        'x/y',
        (async function* () {
          for (;;) {
            pulled++;
            yield Buffer.alloc(1000);
          }
        })(),
      );
    client.allow(5000);
    client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await client.until(({ received }) => received === 5000);
    await settle();
    const before = pulled;
    await settle();
    expect(pulled).toBe(before);
    client.allow(5000);
    await client.until(({ received }) => received === 10_000);
    expect(pulled).toBeGreaterThan(before);
    client.vanish();
  });

  test('that breaks off is cut, so that nobody takes it for whole', async () => {
    configureLog({ level: 'fatal' });
    handler = async () =>
      stream(
        'x/y',
        (async function* () {
          yield Buffer.from('one');
          throw new Error('broken on purpose');
        })(),
      );
    client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await client.until(({ ended }) => ended);
    expect(client.text).toContain('one');
    expect(client.text).not.toContain('0\r\n\r\n');
  });

  test('has no line breaks inside a header', async () => {
    handler = async () => ({ status: 200, headers: { 'X-Name': 'a\r\nSet-Cookie: b' }, body: { kind: 'none' } });
    client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(await client.untilText('\r\n\r\n')).toContain('X-Name: a Set-Cookie: b\r\n');
  });
});
