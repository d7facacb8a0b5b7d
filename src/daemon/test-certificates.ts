// For tests: certificate authorities and certificates of the real kind, made by openssl.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
const DAYS = ['-days', '2'];

export class TestCertificates {
  constructor(readonly directory: string) {}

  path(name: string): string {
    return join(this.directory, `${name}.pem`);
  }

  pem(name: string): string {
    return readFileSync(this.path(name), 'utf8');
  }

  /** `<name>.pem` and `<name>-key.pem`. */
  authority(name: string): void {
    this.#openssl('req', '-x509', ...NEW_KEY, ...DAYS, '-subj', `/CN=${name}`, ...this.#out(name));
  }

  certificate(name: string, signer: string): void {
    const names = 'subjectAltName=DNS:localhost,IP:127.0.0.1';
    const request = join(this.directory, `${name}.csr`);
    this.#openssl(
      'req',
      ...NEW_KEY,
      '-subj',
      `/CN=${name}`,
      '-addext',
      names,
      '-keyout',
      this.path(`${name}-key`),
      '-out',
      request,
    );
    const by = ['-CA', this.path(signer), '-CAkey', this.path(`${signer}-key`), '-CAcreateserial'];
    this.#openssl('x509', '-req', '-in', request, ...by, ...DAYS, '-copy_extensions', 'copy', '-out', this.path(name));
  }

  #out(name: string): string[] {
    return ['-keyout', this.path(`${name}-key`), '-out', this.path(name)];
  }

  #openssl(...args: string[]): void {
    const { exitCode, stderr } = Bun.spawnSync(['openssl', ...args]);
    if (exitCode !== 0) throw new Error(stderr.toString());
  }
}
