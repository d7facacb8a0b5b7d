import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import type { HttpRequest, Reply } from '../api/http/message.ts';
import { hijack } from '../api/http/upgrade.ts';
import { text } from '../api/reply.ts';
import { configureLog } from '../lib/logger.ts';
import { freePort } from '../lib/testing/free-port.ts';
import { type Listening, listen } from './listen.ts';
import { TestCertificates } from './test-certificates.ts';
import { readTls } from './tls.ts';

let directory: string;
let certificates: TestCertificates;
let listening: Listening | undefined;
let served: string[];

const group = { name: '0', asked: true };

async function handler(request: HttpRequest): Promise<Reply> {
  served.push(request.target);
  if (request.target !== '/attach') return text('OK');
  return hijack(request, 'x', async connection => {
    let all = '';
    for await (const chunk of connection.input) all += Buffer.from(chunk).toString();
    await connection.write(Buffer.from(`<${all}>`));
  });
}

const options = { handler, headers: {} };

beforeAll(() => {
  configureLog({ level: 'fatal' });
  directory = mkdtempSync(join(tmpdir(), 'dockyard-listen-'));
  certificates = new TestCertificates(directory);
  certificates.authority('ca');
  certificates.authority('other');
  certificates.certificate('server', 'ca');
  certificates.certificate('client', 'ca');
  certificates.certificate('stranger', 'other');
});
afterAll(() => rmSync(directory, { recursive: true }));
beforeEach(() => {
  served = [];
});
afterEach(async () => {
  await listening?.close(0);
  listening = undefined;
});

const path = (name: string) => join(directory, name);
const pem = (name: string) => certificates.pem(name);

function tlsSettings(tlsVerify: boolean) {
  return readTls({
    tls: true,
    tlsVerify,
    tlsCaCert: path('ca.pem'),
    tlsCert: path('server.pem'),
    tlsKey: path('server-key.pem'),
  });
}

async function listenTcp(tls: ReturnType<typeof readTls>): Promise<number> {
  const port = freePort();
  listening = await listen({ hosts: [{ kind: 'tcp', hostname: '127.0.0.1', port }], tls, group }, options);
  return port;
}

function ping(port: number, who?: string): Promise<string> {
  const mine = who === undefined ? {} : { cert: pem(who), key: pem(`${who}-key`) };
  return fetch(`https://localhost:${port}/_ping`, { tls: { ca: pem('ca'), ...mine } }).then(answer => answer.text());
}

describe('TCP with --tlsverify', () => {
  test('serves a client with a certificate of the CA', async () => {
    expect(await ping(await listenTcp(tlsSettings(true)), 'client')).toBe('OK');
  });

  for (const who of ['stranger', undefined]) {
    test(`${who === undefined ? 'a client without a certificate' : 'one of another CA'} gets nowhere`, async () => {
      const port = await listenTcp(tlsSettings(true));
      await expect(ping(port, who)).rejects.toThrow();
      expect(served).toEqual([]);
    });

    test(`not even one that pushes its request through (${who ?? 'without'}, TLS 1.2 and 1.3)`, async () => {
      const port = await listenTcp(tlsSettings(true));
      for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
        expect(await pushThrough(port, who, version)).toBe('');
      }
      expect(served).toEqual([]);
    });
  }

  test('a client without TLS gets nowhere', async () => {
    const port = await listenTcp(tlsSettings(true));
    await expect(fetch(`http://127.0.0.1:${port}/_ping`)).rejects.toThrow();
    expect(served).toEqual([]);
  });

  test('carries hijacked streams, half-closed', async () => {
    const port = await listenTcp(tlsSettings(true));
    const client = { ca: pem('ca'), cert: pem('client'), key: pem('client-key'), allowHalfOpen: true };
    const socket = connect({ port, host: 'localhost', ...client });
    socket.write('POST /attach HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nearly ');
    await once(socket, 'data');
    socket.end('late');
    expect(await rest(socket)).toContain('<early late>');
  });
});

test('TCP with --tls serves anyone who trusts the daemon', async () => {
  expect(await ping(await listenTcp(tlsSettings(false)))).toBe('OK');
});

test('a certificate that is not there is named', () => {
  expect(() => readTls({ tls: true, tlsVerify: false, tlsCaCert: '', tlsCert: '/nowhere/c.pem', tlsKey: '' })).toThrow(
    'could not read /nowhere/c.pem (--tlscert)',
  );
});

describe('the unix socket', () => {
  test('is root’s and the group’s', async () => {
    const socket = path('d.sock');
    const daemon = { name: '12', asked: true };
    listening = await listen({ hosts: [{ kind: 'unix', path: socket }], tls: undefined, group: daemon }, options);
    const { mode, uid, gid } = statSync(socket);
    expect([mode & 0o777, uid, gid]).toEqual([0o660, 0, 12]);
    expect(await fetch('http://d/_ping', { unix: socket }).then(answer => answer.text())).toBe('OK');
  });

  test('needs the group that was asked for', async () => {
    const request = { hosts: [{ kind: 'unix' as const, path: path('e.sock') }], tls: undefined };
    await expect(listen({ ...request, group: { name: 'no-such-group', asked: true } }, options)).rejects.toThrow(
      'could not find the group no-such-group',
    );
    listening = await listen({ ...request, group: { name: 'no-such-group', asked: false } }, options);
    expect(statSync(path('e.sock')).gid).toBe(0);
  });
});

test('all hosts are listened on, or none', async () => {
  const taken = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } });
  const socket = path('f.sock');
  const hosts = [
    { kind: 'unix' as const, path: socket },
    { kind: 'tcp' as const, hostname: '127.0.0.1', port: taken.port },
  ];
  await expect(listen({ hosts, tls: undefined, group }, options)).rejects.toThrow(
    `can't listen on tcp://127.0.0.1:${taken.port}`,
  );
  taken.stop(true);
  await expect(fetch('http://d/_ping', { unix: socket })).rejects.toThrow();
});

/** Sends without waiting for the handshake's end; returns whatever comes back. */
async function pushThrough(port: number, who: string | undefined, version: 'TLSv1.2' | 'TLSv1.3'): Promise<string> {
  const mine = who === undefined ? {} : { cert: pem(who), key: pem(`${who}-key`) };
  const socket = connect({ port, host: 'localhost', ca: pem('ca'), minVersion: version, maxVersion: version, ...mine });
  socket.on('error', () => undefined);
  socket.write('GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n');
  return rest(socket);
}

function rest(socket: TLSSocket): Promise<string> {
  let all = '';
  socket.on('data', chunk => {
    all += chunk.toString();
  });
  return new Promise(resolve => socket.on('close', () => resolve(all)));
}

function once(socket: TLSSocket, event: string): Promise<void> {
  return new Promise(resolve => socket.once(event, () => resolve()));
}
