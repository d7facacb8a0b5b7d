// The ways to a registry: TLS with certificates of the host's own, proxies, and hosts that stop in the middle.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { endpointsFor, type RegistryConfig } from './endpoints.ts';
import { Repository } from './repository.ts';
import { NO_CREDENTIALS, RegistrySession } from './session.ts';
import { TestRegistry } from './testing/registry.ts';
import { bodyOf } from './transport.ts';

/** A name that means this machine and is still not loopback to us: loopback would be trusted without a certificate. */
const HOST = 'registry.test';

let base: string;
beforeAll(() => {
  base = mkdtempSync(`${tmpdir()}/registry-ways-`);
  makeCertificates();
});
afterAll(() => rmSync(base, { recursive: true }));

function openssl(...args: string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(['openssl', ...args], { cwd: base, stderr: 'pipe' });
  if (exitCode !== 0) throw new Error(stderr.toString());
}

/** An authority; a server and a client that it vouches for. */
function makeCertificates(): void {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30'];
  openssl('req', '-x509', ...key, '-subj', '/CN=authority', '-keyout', 'ca.key', '-out', 'ca.pem');
  writeFileSync(`${base}/names`, `subjectAltName=IP:127.0.0.1,DNS:${HOST}`);
  for (const name of ['server', 'client']) {
    openssl('req', ...key, '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`);
    const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'names', '-days', '30'];
    openssl('x509', '-req', '-in', `${name}.csr`, ...signed, '-out', `${name}.pem`);
  }
}

const pem = (name: string) => readFileSync(`${base}/${name}`, 'utf8');

const config = (change: Partial<RegistryConfig> = {}): RegistryConfig => ({
  insecureRegistries: [],
  registryMirrors: [],
  proxies: { http: '', https: '', no: '' },
  certificateDirectories: [`${base}/certs.d`],
  ...change,
});

async function tagsOf(host: string, settings: RegistryConfig): Promise<string[]> {
  const [endpoint] = await endpointsFor(host, settings, 'pull');
  // Without the leniency that loopback has.
  const strict = { ...endpoint!, insecure: false, bases: endpoint!.bases.slice(0, 1) };
  const session = new RegistrySession(strict, NO_CREDENTIALS, settings);
  return new Repository(session, 'a/b', 'pull').tags();
}

describe('with TLS', () => {
  let registry: TestRegistry;
  const open = (tls: Bun.TLSOptions = {}) => {
    registry = new TestRegistry({ tls: { cert: pem('server.pem'), key: pem('server.key'), ...tls } });
    registry.manifests.set('a/b:v1', { bytes: Buffer.from('{}'), mediaType: 'x' });
    return registry.host;
  };
  afterEach(() => {
    registry[Symbol.dispose]();
    rmSync(`${base}/certs.d`, { recursive: true, force: true });
  });

  function certificatesFor(host: string, files: Record<string, string>): void {
    mkdirSync(`${base}/certs.d/${host}`, { recursive: true });
    for (const [name, from] of Object.entries(files)) writeFileSync(`${base}/certs.d/${host}/${name}`, pem(from));
  }

  test('a registry that nobody vouches for is refused', async () => {
    const host = open();
    const refusal = tagsOf(host, config());
    await expect(refusal).rejects.toThrow(`certificate belongs into ${base}/certs.d/${host}/ca.crt`);
    await expect(refusal).rejects.toHaveProperty('isTemporary', false);
  });

  test('one whose authority lies in certs.d is trusted', async () => {
    const host = open();
    certificatesFor(host, { 'ca.crt': 'ca.pem' });
    expect(await tagsOf(host, config())).toEqual(['v1']);
  });

  test('one that wants to know its client gets the certificate from there', async () => {
    const host = open({ ca: pem('ca.pem'), requestCert: true, rejectUnauthorized: true });
    certificatesFor(host, { 'ca.crt': 'ca.pem' });
    await expect(tagsOf(host, config())).rejects.toThrow();
    certificatesFor(host, { 'client.cert': 'client.pem', 'client.key': 'client.key' });
    expect(await tagsOf(host, config())).toEqual(['v1']);
  });

  test('an insecure registry needs no certificate, or no TLS at all', async () => {
    const host = open();
    const settings = config({ insecureRegistries: ['127.0.0.0/8'] });
    const [endpoint] = await endpointsFor(host, settings, 'pull');
    const session = new RegistrySession(endpoint!, NO_CREDENTIALS, settings);
    expect(await new Repository(session, 'a/b', 'pull').tags()).toEqual(['v1']);
    expect(await session.base()).toBe(`https://${host}`);
  });
});

describe('through a proxy', () => {
  let registry: TestRegistry;
  let proxy: Server;
  let port = 0;
  /** First lines of what the proxy was asked. */
  let asked: string[];
  /** Whom the proxy lets through; everybody where it is empty. */
  let user = '';
  beforeEach(async () => {
    asked = [];
    user = '';
    // Whatever host is asked for, it leads to the registry.
    proxy = createServer(client => {
      client.once('data', (data: Buffer) => {
        const [first = ''] = data.toString('latin1').split('\r\n');
        asked.push(first);
        const [, given = ''] = /^proxy-authorization: basic (.*)$/im.exec(data.toString('latin1')) ?? [];
        if (user !== '' && Buffer.from(given.trim(), 'base64').toString() !== user) {
          const head = 'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="x"\r\n';
          client.end(`${head}Content-Length: 0\r\nConnection: close\r\n\r\n`);
          return;
        }
        const upstream = connect(Number(registry.host.split(':')[1]), '127.0.0.1', () => {
          if (first.startsWith('CONNECT')) client.write('HTTP/1.1 200 OK\r\n\r\n');
          else upstream.write(data.toString('latin1').replace(/^(\w+) http:\/\/[^/]+/, '$1 '), 'latin1');
          client.pipe(upstream).pipe(client);
        });
        upstream.on('error', () => client.destroy());
        client.on('error', () => upstream.destroy());
      });
    });
    await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve));
    port = (proxy.address() as { port: number }).port;
  });
  afterEach(() => {
    proxy.close();
    registry[Symbol.dispose]();
  });
  const proxies = (no = '') => ({ http: `http://127.0.0.1:${port}`, https: `http://127.0.0.1:${port}`, no });

  test('plain registries are asked by way of it', async () => {
    registry = new TestRegistry();
    registry.manifests.set('a/b:v1', { bytes: Buffer.from('{}'), mediaType: 'x' });
    const settings = config({ insecureRegistries: [HOST], proxies: proxies() });
    const [endpoint] = await endpointsFor(HOST, settings, 'pull');
    const session = new RegistrySession({ ...endpoint!, bases: [`http://${HOST}`] }, NO_CREDENTIALS, settings);
    expect(await new Repository(session, 'a/b', 'pull').tags()).toEqual(['v1']);
    expect(asked).toEqual([`GET http://${HOST}/v2/a/b/tags/list HTTP/1.1`]);
  });

  test('those with TLS through a tunnel, their certificates checked', async () => {
    registry = new TestRegistry({ tls: { cert: pem('server.pem'), key: pem('server.key') } });
    registry.manifests.set('a/b:v1', { bytes: Buffer.from('{}'), mediaType: 'x' });
    await expect(tagsOf(HOST, config({ proxies: proxies() }))).rejects.toThrow(/certificate|self.signed/i);
    mkdirSync(`${base}/certs.d/${HOST}`, { recursive: true });
    writeFileSync(`${base}/certs.d/${HOST}/ca.crt`, pem('ca.pem'));
    expect(await tagsOf(HOST, config({ proxies: proxies() }))).toEqual(['v1']);
    expect(asked.every(line => line.startsWith(`CONNECT ${HOST}:443`))).toBe(true);
  });

  test('that wants to know who asks', async () => {
    user = 'ana:se cret';
    const to = (credentials: string) => {
      const url = `http://${credentials}127.0.0.1:${port}`;
      return config({ proxies: { http: url, https: url, no: '' } });
    };
    const plain = (settings: RegistryConfig) => {
      const endpoint = { bases: [`http://${HOST}`], host: HOST, isMirror: false, insecure: true };
      const session = new RegistrySession({ ...endpoint, certificates: { authorities: [] } }, NO_CREDENTIALS, settings);
      return new Repository(session, 'a/b', 'pull').tags();
    };
    registry = new TestRegistry();
    registry.manifests.set('a/b:v1', { bytes: Buffer.from('{}'), mediaType: 'x' });
    await expect(plain(to(''))).rejects.toThrow('407 Proxy Authentication Required');
    expect(await plain(to('ana:se%20cret@'))).toEqual(['v1']);
    registry[Symbol.dispose]();

    registry = new TestRegistry({ tls: { cert: pem('server.pem'), key: pem('server.key') } });
    registry.manifests.set('a/b:v1', { bytes: Buffer.from('{}'), mediaType: 'x' });
    mkdirSync(`${base}/certs.d/${HOST}`, { recursive: true });
    writeFileSync(`${base}/certs.d/${HOST}/ca.crt`, pem('ca.pem'));
    await expect(tagsOf(HOST, to(''))).rejects.toThrow('407');
    expect(await tagsOf(HOST, to('ana:se%20cret@'))).toEqual(['v1']);
    for (const { headers } of registry.asked) expect(headers.get('proxy-authorization')).toBeNull();
  });

  test('that is not there is named as what is missing', async () => {
    registry = new TestRegistry();
    const gone = { http: 'http://127.0.0.1:1', https: 'http://ana:secret@127.0.0.1:1', no: '' };
    const refusal = tagsOf(HOST, config({ proxies: gone }));
    await expect(refusal).rejects.toThrow(
      `could not reach ${HOST} by the proxy http://127.0.0.1:1: connection refused`,
    );
  });

  test('but not what is to be reached directly', async () => {
    registry = new TestRegistry();
    await expect(tagsOf(HOST, config({ proxies: proxies(HOST) }))).rejects.toThrow(`could not reach ${HOST}`);
    expect(asked).toEqual([]);
  });
});

test('a registry that stops in the middle is given up', async () => {
  const never = new ReadableStream<Uint8Array>({
    start: controller => controller.enqueue(Buffer.from('a beginning')),
  });
  const read = Array.fromAsync(bodyOf(new Response(never), 'slow.example', undefined, 50));
  await expect(read).rejects.toThrow('slow.example stopped sending');
});
