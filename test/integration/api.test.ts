// The Engine API itself, called without any client: versions, errors, events, streams.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readdirSync, readlinkSync } from 'node:fs';
import { errnoOf } from '../../src/lib/errors.ts';
import { connectSocket } from '../../src/lib/socket.ts';
import { collect } from '../../src/lib/streams.ts';
import type { EventMessage, SystemInfo, SystemVersion } from '../../src/wire/types.ts';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { demultiplex } from '../support/frames.ts';
import { RawConnection } from '../support/raw.ts';
import { until } from '../support/until.ts';

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine[Symbol.asyncDispose]());

async function create(config: Record<string, unknown>): Promise<string> {
  const body = { Image: 'busybox', HostConfig: { NetworkMode: 'none' }, ...config };
  return (await engine.api.post('/containers/create', body)).ok.json<{ Id: string }>().Id;
}

async function running(config: Record<string, unknown>): Promise<string> {
  const id = await create(config);
  (await engine.api.post(`/containers/${id}/start`)).ok;
  return id;
}

describe('every version from 1.24 to 1.56', () => {
  const versions = Array.from({ length: 33 }, (_, index) => `1.${24 + index}`);
  test('lists, inspects and describes', async () => {
    const id = await create({ Cmd: ['true'], Labels: { versions: 'all' } });
    for (const version of versions) {
      for (const path of [
        '/_ping',
        '/version',
        '/info',
        '/containers/json?all=1',
        `/containers/${id}/json`,
        '/system/df',
      ]) {
        const answer = await engine.api.get(`/v${version}${path}`);
        expect([version, path, answer.status]).toEqual([version, path, 200]);
        expect(answer.headers.get('api-version')).toBe('1.56');
      }
    }
  });

  test('shows an older client what it knew', async () => {
    const id = await create({ Cmd: ['true'] });
    const inspect = async (version: string) =>
      (await engine.api.get(`/v${version}/containers/${id}/json`)).ok.json<Record<string, Record<string, unknown>>>();
    expect((await inspect('1.51'))['NetworkSettings']).toHaveProperty('IPAddress', '');
    expect((await inspect('1.52'))['NetworkSettings']).not.toHaveProperty('IPAddress');
    expect((await inspect('1.51'))['GraphDriver']).toMatchObject({ Name: 'overlayfs' });
  });

  test.each([
    ['1.23', 'client version 1.23 is too old'],
    ['1.57', 'client version 1.57 is too new. Maximum supported API version is 1.56'],
  ])('%s is refused', async (version, message) => {
    const answer = await engine.api.get(`/v${version}/version`);
    expect(answer.status).toBe(400);
    expect(answer.text).toContain(message);
  });
});

describe('ping', () => {
  test.each(['GET', 'HEAD'])('%s tells what is spoken here', async method => {
    const answer = await engine.api.call(method, '/_ping');
    expect(answer.status).toBe(200);
    expect(answer.text).toBe(method === 'GET' ? 'OK' : '');
    expect(answer.headers.get('api-version')).toBe('1.56');
    expect(answer.headers.get('ostype')).toBe('linux');
    expect(answer.headers.get('docker-experimental')).toBe('false');
    expect(answer.headers.get('swarm')).toBe('inactive');
    expect(answer.headers.get('server')).toMatch(/^Docker\/\S+ \(linux\)$/);
    expect(answer.headers.get('cache-control')).toContain('no-cache');
  });
});

describe('what makes no sense', () => {
  const json = { 'content-type': 'application/json' };
  const cases: [string, string, string, string | undefined, Record<string, string>, number, string][] = [
    ['an unknown path', 'GET', '/nothing', undefined, {}, 404, 'page not found'],
    ['an unknown method', 'DELETE', '/info', undefined, {}, 404, 'page not found'],
    ['broken JSON', 'POST', '/containers/create', '{"Image":', json, 400, 'invalid JSON'],
    ['a wrong type', 'POST', '/containers/create', '{"Image":1}', json, 400, 'Image'],
    [
      'a wrong type inside',
      'POST',
      '/containers/create',
      '{"Image":"a","HostConfig":{"Memory":"x"}}',
      json,
      400,
      'HostConfig.Memory',
    ],
    ['no JSON at all', 'POST', '/containers/create', 'Image=a', { 'content-type': 'text/plain' }, 400, 'Content-Type'],
    ['an empty container', 'POST', '/containers/create', '{}', json, 400, 'config cannot be empty'],
    [
      'an unknown filter',
      'GET',
      '/containers/json?filters={"nope":["x"]}',
      undefined,
      {},
      400,
      "invalid filter 'nope'",
    ],
    ['a broken filter', 'GET', '/containers/json?filters={', undefined, {}, 400, 'invalid filter'],
    [
      'an unknown prune filter',
      'POST',
      '/containers/prune?filters={"nope":["x"]}',
      undefined,
      {},
      400,
      "invalid filter 'nope'",
    ],
    [
      'a port that is none',
      'GET',
      '/containers/json?filters={"publish":["99999"]}',
      undefined,
      {},
      400,
      'publish=99999',
    ],
    ['a limit that is no number', 'GET', '/containers/json?limit=x', undefined, {}, 400, 'limit'],
    ['a time that is none', 'GET', '/events?since=yesterday', undefined, {}, 400, 'since'],
    ['a time before another', 'GET', '/events?since=2&until=1', undefined, {}, 400, 'cannot be after'],
    ['an unknown type of usage', 'GET', '/system/df?type=nope', undefined, {}, 400, 'unknown object type: nope'],
    ['checkpoints', 'GET', '/containers/x/checkpoints', undefined, {}, 501, 'checkpoints are not built yet'],
    ['a swarm', 'GET', '/swarm', undefined, {}, 503, 'This node is not a swarm manager'],
    ['a build', 'POST', '/build', undefined, {}, 501, 'not built yet'],
    ['no such exec', 'POST', '/exec/nope/start', '{}', json, 404, 'No such exec instance'],
  ];
  test.each(cases)('%s', async (_name, method, path, body, headers, status, message) => {
    const answer = await engine.api.call(method, encodeURI(path), body, { headers });
    expect([answer.status, answer.message]).toEqual([status, expect.stringContaining(message)]);
  });

  test('an exec without a command', async () => {
    const id = await running({ Cmd: ['sleep', '1000'] });
    const answer = await engine.api.post(`/containers/${id}/exec`, {});
    expect([answer.status, answer.message]).toEqual([400, 'No exec command specified']);
    expect((await engine.api.post(`/containers/${id}/exec`, { Cmd: 'ls' })).status).toBe(400);
  });

  test('a condition that nobody can wait for', async () => {
    const id = await create({ Cmd: ['true'] });
    const answer = await engine.api.post(`/containers/${id}/wait?condition=nope`);
    expect([answer.status, answer.message]).toEqual([400, 'invalid condition: "nope"']);
  });
});

test('a limit of containers that is none does not bring those that ended', async () => {
  const id = await create({ Cmd: ['true'] });
  (await engine.api.post(`/containers/${id}/start`)).ok;
  (await engine.api.post(`/containers/${id}/wait`)).ok;
  const listed = async (limit: number) =>
    (await engine.api.get(`/containers/json?limit=${limit}`)).ok.json<{ Id: string }[]>().map(({ Id }) => Id);
  expect(await listed(1)).toEqual([id]);
  for (const none of [0, -1]) expect(await listed(none)).not.toContain(id);
  // Nor does a filter, but for one by status.
  const found = async (filters: object) =>
    (await engine.api.get(`/containers/json?filters=${encodeURIComponent(JSON.stringify(filters))}`)).ok
      .json<{ Id: string }[]>()
      .some(({ Id }) => Id === id);
  expect([await found({ exited: ['0'] }), await found({ status: ['exited'] })]).toEqual([false, true]);
});

describe('events', () => {
  const now = () => (Date.now() / 1000).toFixed(6);

  async function past(query: string): Promise<EventMessage[]> {
    const answer = await engine.api.get(`/events?${query}&until=${now()}`);
    return answer.ok.text
      .split('\n')
      .filter(line => line !== '')
      .map(line => JSON.parse(line) as EventMessage);
  }

  test('of the past are replayed, filtered', async () => {
    const since = now();
    const id = await running({ Cmd: ['true'], Labels: { colour: 'red' } });
    (await engine.api.post(`/containers/${id}/wait`)).ok;
    const filters = (value: object) => `since=${since}&filters=${encodeURIComponent(JSON.stringify(value))}`;
    const actions = async (value: object) => (await past(filters(value))).map(event => event.Action);
    expect(await actions({ container: [id], type: ['container'] })).toEqual(['create', 'start', 'die']);
    expect(await actions({ container: [id], event: ['die'] })).toEqual(['die']);
    expect(await actions({ label: ['colour=red'], event: ['start'] })).toEqual(['start']);
    expect(await actions({ label: ['colour=blue'] })).toEqual([]);
    expect(await actions({ image: ['busybox'], container: [id], event: ['create'] })).toEqual(['create']);
    expect(await actions({ type: ['volume'] })).toEqual([]);
    const [die] = await past(filters({ container: [id], event: ['die'] }));
    expect(die?.Actor?.Attributes).toMatchObject({ exitCode: '0', image: 'busybox', colour: 'red' });
  });

  test('have the type that the client asks for, and the fields of its version', async () => {
    await create({ Cmd: ['true'] });
    const call = (version: string, accept: string) =>
      engine.api.get(`/v${version}/events?since=1&until=${now()}`, { headers: { accept } });
    expect((await call('1.56', '*/*')).headers.get('content-type')).toBe('application/jsonl');
    expect((await call('1.51', '*/*')).headers.get('content-type')).toBe('application/json');
    const sequence = await call('1.56', 'application/json-seq');
    expect(sequence.headers.get('content-type')).toBe('application/json-seq');
    expect(sequence.text).toStartWith('\x1e{');
    expect((await call('1.51', '*/*')).text).toContain('"status":"create"');
    expect((await call('1.52', '*/*')).text).not.toContain('"status":');
  });

  test('come as they happen, and a listener that leaves is forgotten', async () => {
    const listeners = async () => (await engine.api.get('/info')).ok.json<SystemInfo>().NEventsListener;
    const controller = new AbortController();
    const filters = encodeURIComponent('{"event":["create"],"type":["container"]}');
    const answer = await engine.api.open('GET', `/events?filters=${filters}`, undefined, { signal: controller.signal });
    expect(await listeners()).toBe(1);
    const id = await create({ Cmd: ['true'] });
    const { value } = await answer.body!.getReader().read();
    expect(JSON.parse(Buffer.from(value!).toString())).toMatchObject({ Action: 'create', Actor: { ID: id } });
    controller.abort();
    await until(async () => (await listeners()) === 0);
  });

  test('end when the time is up', async () => {
    const answer = await engine.api.get(`/events?until=${(Date.now() / 1000 + 0.2).toFixed(3)}`);
    expect(answer.status).toBe(200);
  });
});

describe('hijacked streams', () => {
  test('attach: 101 for who asks, both ways, half-closed', async () => {
    const id = await create({ Cmd: ['cat'], OpenStdin: true, StdinOnce: true });
    using attached = await RawConnection.hijack(
      engine.socket,
      `/containers/${id}/attach?stream=1&stdin=1&stdout=1&stderr=1`,
    );
    expect(attached.head).toStartWith('HTTP/1.1 101 UPGRADED');
    expect(attached.head).toContain('application/vnd.docker.multiplexed-stream');
    (await engine.api.post(`/containers/${id}/start`)).ok;
    attached.send('one ');
    await attached.until(text => text.endsWith('one '));
    attached.send('two');
    attached.halfClose();
    await attached.untilEnd();
    expect(demultiplex(attached.body)).toEqual({ stdout: 'one two', stderr: '' });
  });

  test('attach: who leaves before the start has left its input, and the end of it', async () => {
    const id = await create({ Cmd: ['sh', '-c', 'cat; echo end'], OpenStdin: true, StdinOnce: true });
    const attached = await RawConnection.hijack(engine.socket, `/containers/${id}/attach?stream=1&stdin=1`);
    attached.send('early');
    attached.stream.destroy();
    (await engine.api.post(`/containers/${id}/start`)).ok;
    await until(async () => (await engine.inspect(id)).State?.Status === 'exited');
    expect(await engine.output('logs', id)).toBe('earlyend');
  });

  test('attach: 200 for who does not, with what came behind the head', async () => {
    const id = await running({ Cmd: ['cat'], OpenStdin: true, StdinOnce: true });
    using attached = await RawConnection.open(engine.socket);
    attached.send(
      `POST /v1.41/containers/${id}/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\nearly `,
    );
    await attached.until(text => text.endsWith('early '));
    expect(attached.head).toStartWith('HTTP/1.1 200 OK');
    expect(attached.head).toContain('application/vnd.docker.raw-stream');
    attached.halfClose();
    await attached.untilEnd();
    expect(demultiplex(attached.body).stdout).toBe('early ');
  });

  test('attach: a client that reads only after the end gets all there was, and both streams in order', async () => {
    const script =
      'dd if=/dev/zero bs=1150000 count=1 status=none; echo between >&2; dd if=/dev/zero bs=1150000 count=1 status=none';
    const id = await create({ Cmd: ['sh', '-c', `${script}; echo end`] });
    const stream = await connectSocket({ unix: engine.socket });
    stream.write(
      Buffer.from(
        `POST /containers/${id}/attach?stream=1&stdout=1&stderr=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n`,
      ),
    );
    const head: Uint8Array = (await stream.input[Symbol.asyncIterator]().next()).value;
    expect(Buffer.from(head).toString()).toStartWith('HTTP/1.1 101');
    (await engine.api.post(`/containers/${id}/start`)).ok;
    // It fits into what the client's own side, the connection, the engine and conmon's connection hold.
    await until(async () => (await engine.inspect(id)).State?.Status === 'exited');
    const { stdout, stderr } = demultiplex(await collect(stream.input));
    expect([stdout.length, stdout.endsWith('\0end\n'), stderr]).toEqual([2_300_004, true, 'between\n']);
  });

  test('exec: both streams apart, a terminal raw', async () => {
    const id = await running({ Cmd: ['sleep', '1000'] });
    const exec = async (tty: boolean) => {
      const body = { AttachStdout: true, AttachStderr: true, Tty: tty, Cmd: ['sh', '-c', 'echo out; echo err >&2'] };
      const { Id } = (await engine.api.post(`/containers/${id}/exec`, body)).ok.json<{ Id: string }>();
      const connection = await RawConnection.hijack(engine.socket, `/exec/${Id}/start`, { Tty: tty });
      await connection.untilEnd();
      return connection;
    };
    using apart = await exec(false);
    expect(demultiplex(apart.body)).toEqual({ stdout: 'out\n', stderr: 'err\n' });
    using terminal = await exec(true);
    expect(terminal.body.toString()).toBe('out\r\nerr\r\n');
    expect(terminal.head).toContain('application/vnd.docker.raw-stream');
  });

  test('exec: created and started by one request, where that is asked for together with an upgrade', async () => {
    const id = await running({ Cmd: ['sleep', '1000'] });
    const ask = async (container: string, extra: string) => {
      const connection = await RawConnection.open(engine.socket);
      const body = JSON.stringify({ AttachStdout: true, AttachStderr: true, Cmd: ['sh', '-c', 'echo out; exit 6'] });
      const type = `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n`;
      const head = `POST /v1.56/containers/${container}/exec HTTP/1.1\r\nHost: x\r\n${type}Dockyard-Start: attached\r\n`;
      connection.send(`${head}${extra}\r\n${body}`);
      await connection.until(text => text.includes('\r\n\r\n'));
      return connection;
    };
    const upgrade = 'Connection: Upgrade\r\nUpgrade: tcp\r\n';
    using started = await ask(id, upgrade);
    expect(started.head).toStartWith('HTTP/1.1 101');
    await started.untilEnd();
    expect(demultiplex(started.body).stdout).toBe('out\n');
    const exec = /^Dockyard-Exec: (\w+)/im.exec(started.head)![1];
    expect((await engine.api.get(`/exec/${exec}/json`)).ok.json<{ ExitCode: number }>().ExitCode).toBe(6);
    using created = await ask(id, '');
    expect(created.head).toStartWith('HTTP/1.1 201');
    using refused = await ask('nobody', upgrade);
    expect(refused.head).toStartWith('HTTP/1.1 404');
  });

  test('a client that vanishes frees what it held', async () => {
    const id = await running({ Cmd: ['sleep', '1000'], OpenStdin: true });
    // Network namespaces are kept ready for the next start: how many there are has nothing to do with clients.
    const descriptors = () => openFiles(engine.pid).filter(target => !target.startsWith('net:'));
    (await engine.api.get('/_ping')).ok;
    const paths = [
      ['POST', `/containers/${id}/attach?stream=1&stdin=1&stdout=1&stderr=1`],
      ['POST', `/containers/${id}/wait`],
      ['GET', `/containers/${id}/logs?follow=1&stdout=1`],
      ['GET', `/containers/${id}/stats`],
      ['GET', '/events'],
    ];
    const comeAndGo = async () => {
      const connections: RawConnection[] = [];
      for (const [method, path] of paths) {
        const connection = await RawConnection.open(engine.socket);
        const upgrade = path!.includes('attach') ? 'Connection: Upgrade\r\nUpgrade: tcp\r\n' : '';
        connection.send(`${method} /v1.56${path} HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n`);
        await connection.until(text => text.includes('\r\n\r\n'));
        connections.push(connection);
      }
      for (const connection of connections) connection.stream.destroy();
    };
    // What is opened once, for the first client of its kind or in the background, is open after the first round.
    for (let round = 0; round < 5; round++) await comeAndGo();
    const most = descriptors().length + paths.length;
    for (let round = 0; round < 5; round++) await comeAndGo();
    await until(() => descriptors().length <= most, {
      what: () => `no more than ${most}: ${descriptors().sort().join(' ')}`,
    });
    expect((await engine.inspect(id)).State?.Running).toBe(true);
  });
});

test('version and info tell the truth', async () => {
  const version = (await engine.api.get('/version')).ok.json<SystemVersion>();
  expect(version).toMatchObject({ ApiVersion: '1.56', MinAPIVersion: '1.24', Os: 'linux' });
  const names = version.Components?.map(component => component.Name) ?? [];
  expect(names.slice(0, 3)).toEqual(['Engine', 'crun', 'conmon']);
  const all = (await engine.api.get('/containers/json?all=1')).ok.json<unknown[]>();
  const info = (await engine.api.get('/info')).ok.json<SystemInfo>();
  expect(info).toMatchObject({ Containers: all.length, DockerRootDir: engine.dataRoot, Driver: 'overlayfs' });
});

test('requests may be sent one behind the other', async () => {
  using connection = await RawConnection.open(engine.socket);
  connection.send('GET /_ping HTTP/1.1\r\nHost: x\r\n\r\nGET /v1.40/_ping HTTP/1.1\r\nHost: x\r\n\r\n');
  await connection.until(text => text.split('\r\n\r\nOK').length === 3);
});

test('broken HTTP is a bad request', async () => {
  using connection = await RawConnection.open(engine.socket);
  connection.send('HELLO\r\n\r\n');
  expect(await connection.untilEnd()).toStartWith('HTTP/1.1 400 Bad Request\r\n');
});

function openFiles(pid: number): string[] {
  const directory = `/proc/${pid}/fd`;
  return readdirSync(directory).flatMap(fd => {
    try {
      return [readlinkSync(`${directory}/${fd}`)];
    } catch (error) {
      // Closed since the directory was read.
      if (errnoOf(error) === 'ENOENT') return [];
      throw error;
    }
  });
}
