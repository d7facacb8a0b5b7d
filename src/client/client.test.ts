import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Socket } from 'bun';
import { EngineClient } from './client.ts';
import * as containers from './containers.ts';
import { ApiError, ConnectionError } from './errors.ts';
import { ping } from './system.ts';
import { dialer } from './transport.ts';

/** What the server sees, and what it says to that: raw text, or nothing and the connection is closed. */
type Reply = (request: string, connection: number) => string | undefined;

let reply: Reply;
let requests: string[];
let connections: number;
let server: ReturnType<typeof Bun.listen>;
let client: EngineClient;
const path = join(tmpdir(), `dockyard-client-test-${process.pid}.sock`);

interface Peer {
  number: number;
  seen: string;
}

function takeRequest(peer: Peer): string | undefined {
  const end = peer.seen.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const head = peer.seen.slice(0, end + 4);
  const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
  const chunked = /transfer-encoding: chunked/i.test(head) ? peer.seen.indexOf('0\r\n\r\n', end) + 5 : undefined;
  if (chunked === 4 || peer.seen.length < end + 4 + length) return undefined;
  const request = peer.seen.slice(0, chunked ?? end + 4 + length);
  peer.seen = peer.seen.slice(request.length);
  return request;
}

beforeEach(() => {
  requests = [];
  connections = 0;
  server = Bun.listen<Peer>({
    unix: path,
    socket: {
      open(socket) {
        socket.data = { number: ++connections, seen: '' };
      },
      data(socket: Socket<Peer>, chunk) {
        socket.data.seen += chunk.toString('latin1');
        for (let request = takeRequest(socket.data); request; request = takeRequest(socket.data)) {
          requests.push(request);
          const answer = reply(request, socket.data.number);
          if (answer === undefined) socket.end();
          else socket.write(answer);
        }
      },
    },
  });
  client = new EngineClient({ dial: dialer({ host: `unix://${path}`, address: { kind: 'unix', path } }) });
});

afterEach(() => {
  client.close();
  server.stop(true);
  rmSync(path, { force: true });
});

const json = (status: number, body: unknown, headers = 'Api-Version: 1.56\r\n') => {
  const text = JSON.stringify(body);
  return `HTTP/1.1 ${status} X\r\n${headers}Content-Length: ${text.length}\r\n\r\n${text}`;
};
const first = (request: string) => request.split('\r\n')[0];

test('one connection serves one request after the other', async () => {
  reply = () => json(200, { Id: 'x' });
  await containers.inspect(client, 'a/b c');
  await containers.inspect(client, 'd');
  expect(requests.map(first)).toEqual([
    'GET /v1.56/containers/a%2Fb%20c/json HTTP/1.1',
    'GET /v1.56/containers/d/json HTTP/1.1',
  ]);
  expect(connections).toBe(1);
});

test('an engine that is older is spoken to in its version, and nothing is asked before', async () => {
  reply = request =>
    request.includes('/v1.56/')
      ? json(
          400,
          { message: 'client version 1.56 is too new. Maximum supported API version is 1.41' },
          'Api-Version: 1.41\r\n',
        )
      : json(200, { Id: 'x' }, 'Api-Version: 1.41\r\n');
  await containers.create(client, { Image: 'i' });
  await containers.inspect(client, 'x');
  expect(client.version).toBe('1.41');
  expect(requests.map(first)).toEqual([
    'POST /v1.56/containers/create HTTP/1.1',
    'POST /v1.41/containers/create HTTP/1.1',
    'GET /v1.41/containers/x/json HTTP/1.1',
  ]);
  expect(connections).toBe(1);
});

test('a version that was asked for is kept', async () => {
  client = new EngineClient({
    dial: dialer({ host: '', address: { kind: 'unix', path } }),
    version: '1.30',
  });
  reply = () => json(200, {});
  await containers.inspect(client, 'x');
  expect(first(requests[0]!)).toContain('/v1.30/');
  expect(client.version).toBe('1.30');
});

test('a stream is sent once: the version is asked for first', async () => {
  reply = request =>
    request.startsWith('HEAD') ? 'HTTP/1.1 200 OK\r\nApi-Version: 1.44\r\nContent-Length: 2\r\n\r\n' : json(200, {});
  await containers.writeArchive(
    client,
    'x',
    '/',
    (async function* () {
      yield Buffer.from('some');
      yield Buffer.from('thing');
    })(),
  );
  expect(requests.map(first)).toEqual(['HEAD /_ping HTTP/1.1', 'PUT /v1.44/containers/x/archive?path=%2F HTTP/1.1']);
  expect(requests[1]!.split('\r\n\r\n').slice(1).join('\r\n\r\n')).toBe('4\r\nsome\r\n5\r\nthing\r\n0\r\n\r\n');
});

test('a source that fails fails the request', async () => {
  reply = request => (request.startsWith('HEAD') ? json(200, {}) : undefined);
  const failing = (async function* () {
    yield Buffer.from('some');
    throw new Error('the disk is gone');
  })();
  await expect(containers.writeArchive(client, 'x', '/', failing)).rejects.toThrow('the disk is gone');
});

test('the version of the answer counts, also from an engine without one', async () => {
  reply = () => 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK';
  await ping(client);
  expect(client.version).toBe('1.24');
});

describe('errors', () => {
  const answers: [string, string, number][] = [
    [json(404, { message: 'No such container: x' }), 'Error response from daemon: No such container: x', 404],
    ['HTTP/1.1 500 X\r\nContent-Length: 6\r\n\r\nplain\n', 'Error response from daemon: plain', 500],
    ['HTTP/1.1 502 X\r\nContent-Length: 5\r\n\r\n{"a"}', 'Error response from daemon: {"a"}', 502],
    [
      'HTTP/1.1 501 X\r\nContent-Length: 0\r\n\r\n',
      'Error response from daemon: status 501 for GET /containers/x/json without a message, check if the server supports the requested API version',
      501,
    ],
  ];
  test.each(answers)('%p', async (answer, message, status) => {
    reply = () => answer;
    const error = await containers.inspect(client, 'x').catch(e => e);
    expect(error).toBeInstanceOf(ApiError);
    expect(error.message).toBe(message);
    expect(error.status).toBe(status);
  });

  test('nobody there', async () => {
    server.stop(true);
    rmSync(path, { force: true });
    const error = await containers.inspect(client, 'x').catch(e => e);
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error.message).toBe(`Cannot connect to the Docker daemon at unix://${path}. Is the docker daemon running?`);
  });

  test('an answer that is cut short', async () => {
    reply = () => 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"half"';
    const answer = containers.inspect(client, 'x');
    await Bun.sleep(20);
    server.stop(true);
    await expect(answer).rejects.toThrow('unexpected EOF');
  });
});

test('an idle connection that the engine has closed is replaced', async () => {
  let served = 0;
  reply = (_request, connection) => {
    if (connection === 1 && served++ > 0) return undefined;
    return json(200, { Id: 'x' });
  };
  await containers.inspect(client, 'x');
  await containers.inspect(client, 'x');
  expect(connections).toBe(2);
});

test('bodies in chunks, cut anywhere', async () => {
  const body = '{"Id":"x","Name":"/y"}';
  reply = () => {
    const chunks = [...body].map(letter => `1\r\n${letter}\r\n`).join('');
    return `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`;
  };
  expect((await containers.inspect(client, 'x')).Name).toBe('/y');
  expect((await containers.inspect(client, 'x')).Name).toBe('/y');
  expect(connections).toBe(1);
});

describe('hijacked streams', () => {
  const heads = [
    'HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n',
  ];
  test.each(heads)('%p: what comes with the head is not lost, and both ends can write', async head => {
    reply = request => (request.includes('attach') ? `${head}early` : `echo ${request}`);
    const stream = await containers.attach(client, 'x', { stream: true, stdin: true });
    expect(requests[0]).toContain('Upgrade: tcp\r\n');
    expect(Buffer.concat(await stream.takeAll()).toString()).toBe('early');
    stream.write(Buffer.from('hello\r\n\r\n'));
    expect(Buffer.concat(await stream.takeAll()).toString()).toBe('echo hello\r\n\r\n');
    stream.destroy();
    await stream.closed;
  });
});

test('wait tells when the engine is watching, and then how it ended', async () => {
  reply = () => `HTTP/1.1 200 OK\r\nApi-Version: 1.56\r\nTransfer-Encoding: chunked\r\n\r\n`;
  const sockets: Socket<Peer>[] = [];
  server.reload({
    socket: {
      open(socket: Socket<Peer>) {
        socket.data = { number: 1, seen: '' };
        sockets.push(socket);
      },
      data(socket: Socket<Peer>) {
        socket.write('HTTP/1.1 200 OK\r\nApi-Version: 1.56\r\nTransfer-Encoding: chunked\r\n\r\n');
      },
    },
  });
  const { result } = await containers.wait(client, 'x', 'next-exit');
  sockets[0]!.write('11\r\n{"StatusCode": 7}\r\n0\r\n\r\n');
  expect((await result).StatusCode).toBe(7);
});

test('leaving a stream early drops its connection', async () => {
  reply = () => `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a"\n\r\n`;
  const response = await client.request('GET', '/events');
  for await (const _ of response.body) break;
  reply = () => json(200, {});
  await containers.inspect(client, 'x');
  expect(connections).toBe(2);
});
