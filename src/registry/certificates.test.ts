import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostCertificates } from './certificates.ts';

let base: string;

beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), 'dockyard-certs-'));
});
afterAll(() => rmSync(base, { recursive: true }));

function hostWith(root: string, host: string, ...files: string[]): void {
  mkdirSync(join(base, root, host), { recursive: true });
  for (const file of files) writeFileSync(join(base, root, host, file), `${root} ${file}`);
}

const certificatesOf = (host: string, ...roots: string[]) =>
  hostCertificates(host, { certificateDirectories: roots.map(root => join(base, root)) });

test('a host without a directory has none', async () => {
  expect(await certificatesOf('nobody:5000', 'a', 'b')).toEqual({ authorities: [] });
});

test('authorities in their order, and the certificate of the client with its key', async () => {
  hostWith('a', 'both:5000', 'z.crt', 'ca.crt', 'client.cert', 'client.key', 'readme.txt');
  expect(await certificatesOf('both:5000', 'a')).toEqual({
    authorities: ['a ca.crt', 'a z.crt'],
    client: { certificate: 'a client.cert', key: 'a client.key' },
  });
});

test('the first directory that knows the host counts, alone', async () => {
  hostWith('a', 'twice', 'ca.crt');
  hostWith('b', 'twice', 'ca.crt', 'client.cert', 'client.key');
  expect(await certificatesOf('twice', 'a', 'b')).toEqual({ authorities: ['a ca.crt'], client: undefined });
  expect((await certificatesOf('twice', 'elsewhere', 'b')).authorities).toEqual(['b ca.crt']);
});

test('half a pair is named', async () => {
  hostWith('a', 'keyless', 'client.cert');
  await expect(certificatesOf('keyless', 'a')).rejects.toThrow('missing key client.key');
  hostWith('a', 'lone-key', 'client.key');
  await expect(certificatesOf('lone-key', 'a')).rejects.toThrow('missing client certificate client.cert');
});
