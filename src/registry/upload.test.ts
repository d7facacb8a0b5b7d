// An upload over a line that breaks, into a registry that knows how far it came.
import { expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { sha256 } from '../lib/ids.ts';
import { endpointsFor } from './endpoints.ts';
import { Repository } from './repository.ts';
import { serveRegistry } from './server/serve.ts';
import { NO_CREDENTIALS, RegistrySession } from './session.ts';

const MB = 1_000_000;

/** Leads to a port. Some connections break after a megabyte. */
function breakingLine(port: number, breaks: number): Disposable & { host: string; carried: () => number } {
  let carried = 0;
  let left = breaks;
  const server = createServer(client => {
    let came = 0;
    const upstream = connect(port, '127.0.0.1');
    upstream.pipe(client);
    client.on('data', data => {
      came += data.length;
      carried += data.length;
      upstream.write(data);
      if (came < MB || left === 0) return;
      left--;
      client.destroy();
      upstream.end();
    });
    client.on('end', () => upstream.end());
    client.on('error', () => upstream.destroy());
    upstream.on('error', () => client.destroy());
  }).listen(0, '127.0.0.1');
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    carried: () => carried,
    [Symbol.dispose]: () => void server.close(),
  };
}

test('goes on where the line broke, and sends nothing twice', async () => {
  const root = mkdtempSync(`${tmpdir()}/upload-test-`);
  try {
    await using registry = await serveRegistry({ hostname: '127.0.0.1', port: 0, root });
    using line = breakingLine(Number(new URL(registry.url).port), 2);
    const config = {
      insecureRegistries: [],
      registryMirrors: [],
      proxies: { http: '', https: '', no: '' },
      certificateDirectories: [],
    };
    const [endpoint] = await endpointsFor(line.host, config, 'push');
    const repository = new Repository(new RegistrySession(endpoint!, NO_CREDENTIALS, config), 'a/b', 'push');
    const content = randomBytes(4 * MB);
    const blob = { digest: sha256(content), size: content.length };
    async function* from(start: number) {
      for (let at = start; at < content.length; at += 100_000) yield content.subarray(at, at + 100_000);
    }
    expect(await repository.putBlob(blob, from)).toBe('sent');
    expect(await repository.hasBlob(blob.digest)).toBe(true);
    // What was on its way when the line broke is lost; whole megabytes are not.
    expect(line.carried()).toBeLessThan(content.length + MB);
  } finally {
    rmSync(root, { recursive: true });
  }
});
