// TLS of the API: certificates read once, before anything listens.
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { errnoOf, invalid, messageOf } from '../lib/errors.ts';
import type { Settings } from './options.ts';

export interface TlsIdentity {
  key: string;
  cert: string;
  /** Clients need a certificate of this CA. */
  clientCa?: string;
}

type TlsSettings = Pick<Settings, 'tls' | 'tlsVerify' | 'tlsCaCert' | 'tlsCert' | 'tlsKey'>;

export function usesTls(settings: TlsSettings): boolean {
  return settings.tls || settings.tlsVerify;
}

export function readTls(settings: TlsSettings): TlsIdentity | undefined {
  if (!usesTls(settings)) return undefined;
  const directory = process.env.DOCKER_CERT_PATH || process.env.DOCKER_CONFIG || join(homedir(), '.docker');
  const cert = read('tlscert', settings.tlsCert || join(directory, 'cert.pem'));
  const key = read('tlskey', settings.tlsKey || join(directory, 'key.pem'));
  if (!settings.tlsVerify) return { cert, key };
  return { cert, key, clientCa: read('tlscacert', settings.tlsCaCert || join(directory, 'ca.pem')) };
}

function read(flag: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const why = errnoOf(error) === 'ENOENT' ? 'there is no such file' : messageOf(error);
    throw invalid(`could not read ${path} (--${flag}): ${why}`, error);
  }
}

export function listenOptions({ key, cert, clientCa }: TlsIdentity): Bun.TLSOptions {
  return {
    key,
    cert,
    ...(clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true }),
  };
}
