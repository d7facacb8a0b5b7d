// For tests: an authority and certificates below it, made by openssl.
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
const NAME = '/C=US/O=Acme/CN=';
const CODE_SIGNING = 'extendedKeyUsage=codeSigning';

interface Certified {
  certificate: X509Certificate;
  key: KeyObject;
}

export interface TestChain {
  root: X509Certificate;
  rootKey: KeyObject;
  leaf: X509Certificate;
  leafKey: KeyObject;
  /** For TLS as well as for code. */
  server: X509Certificate;
  serverKey: KeyObject;
  /** With the place of a revocation list. */
  revocable: X509Certificate;
  revocableKey: KeyObject;
}

export function testChain(): TestChain {
  const directory = mkdtempSync(`${tmpdir()}/chain-`);
  try {
    const authority = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign'];
    const extensions = authority.flatMap(each => ['-addext', each]);
    openssl('req', '-x509', ...KEY, '-days', '3', '-subj', `${NAME}root`, ...extensions, ...out(directory, 'root'));
    const root = read(directory, 'root');
    const below = (name: string, ...more: string[]) => certificate(directory, name, more);
    const [leaf, server, revocable] = [
      below('leaf', CODE_SIGNING),
      below('server', 'extendedKeyUsage=serverAuth,codeSigning'),
      below('revocable', CODE_SIGNING, 'crlDistributionPoints=URI:http://crl.invalid/'),
    ];
    return {
      root: root.certificate,
      rootKey: root.key,
      leaf: leaf.certificate,
      leafKey: leaf.key,
      server: server.certificate,
      serverKey: server.key,
      revocable: revocable.certificate,
      revocableKey: revocable.key,
    };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function certificate(directory: string, name: string, more: readonly string[]): Certified {
  const request = `${directory}/${name}.csr`;
  openssl('req', ...KEY, '-subj', `${NAME}${name}`, '-keyout', `${directory}/${name}.key`, '-out', request);
  const lines = ['basicConstraints=critical,CA:FALSE', 'keyUsage=critical,digitalSignature', ...more];
  writeFileSync(`${directory}/extensions`, `${lines.join('\n')}\n`);
  const by = ['-CA', `${directory}/root.crt`, '-CAkey', `${directory}/root.key`, '-CAcreateserial', '-days', '2'];
  const given = ['-in', request, '-extfile', `${directory}/extensions`, '-out', `${directory}/${name}.crt`];
  openssl('x509', '-req', ...by, ...given);
  return read(directory, name);
}

const out = (directory: string, name: string) => [
  '-keyout',
  `${directory}/${name}.key`,
  '-out',
  `${directory}/${name}.crt`,
];

function read(directory: string, name: string): Certified {
  return {
    certificate: new X509Certificate(readFileSync(`${directory}/${name}.crt`)),
    key: createPrivateKey(readFileSync(`${directory}/${name}.key`)),
  };
}

function openssl(...args: string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(['openssl', ...args]);
  if (exitCode !== 0) throw new Error(stderr.toString());
}
