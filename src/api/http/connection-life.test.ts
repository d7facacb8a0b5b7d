// How connections end, and how they leave HTTP.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { stream, text } from '../reply.ts';
import { FakeClient, settle } from './fake-client.ts';
import type { HttpRequest, Reply } from './message.ts';
import { HttpServer } from './server.ts';
import { hijack, MULTIPLEXED_STREAM } from './upgrade.ts';

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

function bodyAfterHead(reply: string): string {
  return reply.slice(reply.indexOf('\r\n\r\n') + 4);
}

describe('a client that vanishes', () => {
  test('ends a handler that waits', async () => {
    const aborted = Promise.withResolvers<void>();
    handler = async ({ signal }) => {
      signal.addEventListener('abort', () => aborted.resolve());
      await aborted.promise;
      return text('too late');
    };
    client.send('POST /wait HTTP/1.1\r\nHost: x\r\n\r\n');
    await settle();
    client.vanish();
    await aborted.promise;
    await settle();
    expect(server.connections).toBe(0);
  });

  test('ends the source of its reply', async () => {
    const ended = Promise.withResolvers<void>();
    handler = async () =>
      stream(
        'x/y',
        (async function* () {
          try {
            for (;;) {
              await settle();
              yield Buffer.from('tick');
            }
          } finally {
            ended.resolve();
          }
        })(),
      );
    client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await client.untilText('tick');
    client.vanish();
    await ended.promise;
    await settle();
    expect(server.connections).toBe(0);
  });

  test('is forgotten even when the source of its reply never speaks again', async () => {
    handler = async () =>
      stream(
        'x/y',
        (async function* () {
          yield await new Promise<never>(() => undefined);
        })(),
      );
    client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await client.untilText('\r\n\r\n');
    client.vanish();
    await settle();
    expect(server.connections).toBe(0);
  });

  test('in the middle of its head leaves nothing behind', async () => {
    client.send('GET / HT');
    await settle();
    client.vanish();
    await settle();
    expect(server.connections).toBe(0);
  });
});

test('a client that half-closes after its request still gets the reply', async () => {
  const gate = Promise.withResolvers<void>();
  handler = async () => {
    await gate.promise;
    return text('here');
  };
  client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  client.halfClose();
  await settle();
  gate.resolve();
  await client.untilText('here');
  await settle();
  expect(server.connections).toBe(0);
});

describe('a hijacked connection', () => {
  const shout = async (request: HttpRequest) =>
    hijack(request, MULTIPLEXED_STREAM, async connection => {
      for await (const chunk of connection.input) {
        await connection.write(Buffer.from(Buffer.from(chunk).toString().toUpperCase()));
      }
      await connection.write(Buffer.from('.'));
    });

  test('is upgraded for those who ask, with what they sent already', async () => {
    handler = shout;
    client.send('POST /attach HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nearly ');
    const reply = await client.untilText('EARLY ');
    expect(reply).toStartWith('HTTP/1.1 101 UPGRADED\r\n');
    expect(reply).toContain('Connection: Upgrade\r\n');
    expect(reply).toContain('Upgrade: tcp\r\n');
    expect(reply).toContain(`Content-Type: ${MULTIPLEXED_STREAM}\r\n`);
    client.send('late');
    await client.untilText('LATE');
    client.halfClose();
    expect(bodyAfterHead(await client.untilText('LATE.'))).toBe('EARLY LATE.');
    await client.until(({ ended }) => ended);
  });

  test('begins after the body of the request', async () => {
    handler = shout;
    client.send('POST /attach HTTP/1.1\r\nHost: x\r\nUpgrade: tcp\r\nContent-Length: 7\r\n\r\nignored');
    await client.untilText('\r\n\r\n');
    client.send('heard ');
    expect(bodyAfterHead(await client.untilText('HEARD '))).toBe('HEARD ');
  });

  test('is simply taken over for those who do not', async () => {
    handler = shout;
    client.send('POST /attach HTTP/1.1\r\nHost: x\r\n\r\n');
    const reply = await client.untilText('\r\n\r\n');
    expect(reply).toStartWith('HTTP/1.1 200 OK\r\n');
    expect(reply).toContain('Content-Type: application/vnd.docker.raw-stream\r\n');
    expect(reply).not.toContain('Content-Length');
    expect(reply).not.toContain('chunked');
    client.send('abc');
    await client.untilText('ABC');
  });

  test('goes on after the end of its input, even if that came before the reply', async () => {
    const gate = Promise.withResolvers<void>();
    let aborted = false;
    handler = async request => {
      request.signal.addEventListener('abort', () => (aborted = true));
      await gate.promise;
      return shout(request);
    };
    client.send('POST / HTTP/1.1\r\nHost: x\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\nall');
    client.halfClose();
    await settle();
    expect(aborted).toBe(false);
    gate.resolve();
    await client.untilText('ALL.');
  });

  test('ends its signal when the client is gone', async () => {
    const gone = Promise.withResolvers<void>();
    handler = async request =>
      hijack(request, 'x', async () => {
        request.signal.addEventListener('abort', () => gone.resolve());
        await gone.promise;
      });
    client.send('POST / HTTP/1.1\r\nHost: x\r\nUpgrade: tcp\r\n\r\n');
    await client.untilText('\r\n\r\n');
    client.vanish();
    await gone.promise;
    await settle();
    expect(server.connections).toBe(0);
  });

  test('whose input nobody reads does not keep the connection after the end', async () => {
    handler = async request =>
      hijack(request, 'x', async connection => void (await connection.write(Buffer.from('bye'))));
    client.send('POST / HTTP/1.1\r\nHost: x\r\nUpgrade: tcp\r\n\r\nnobody reads this');
    await client.untilText('bye');
    await client.until(({ ended }) => ended);
    client.send('nor this');
    client.halfClose();
    await settle();
    expect(server.connections).toBe(0);
  });
});

describe('a server that closes', () => {
  test('lets idle clients go at once', async () => {
    handler = async () => text('x');
    await server.close(1000);
    expect(client.ended).toBe(true);
  });

  test('lets a request finish', async () => {
    const gate = Promise.withResolvers<void>();
    handler = async () => {
      await gate.promise;
      return text('done');
    };
    client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await settle();
    const closing = server.close(60_000);
    gate.resolve();
    await client.untilText('done');
    client.halfClose();
    await closing;
  });

  test('tells streams to end', async () => {
    handler = async ({ signal }) =>
      stream(
        'x/y',
        (async function* () {
          yield Buffer.from('one');
          await new Promise(resolve => signal.addEventListener('abort', resolve));
        })(),
      );
    client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await client.untilText('one');
    const closing = server.close(60_000);
    await client.untilText('0\r\n\r\n');
    client.halfClose();
    await closing;
  });

  test('cuts off who does not come to an end', async () => {
    handler = () => new Promise(() => undefined);
    client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await settle();
    await server.close(0);
    expect(client.ended).toBe(true);
  });
});
