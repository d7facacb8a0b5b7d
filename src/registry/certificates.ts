// Certificates for single hosts: certs.d/<host[:port]>/ with *.crt (authorities), and *.cert with *.key (for the client).
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, failed } from '../lib/errors.ts';

export interface HostCertificates {
  /** PEM; the system's own count as well. */
  authorities: readonly string[];
  client?: { certificate: string; key: string };
}

const NONE: HostCertificates = { authorities: [] };

export async function hostCertificates(
  host: string,
  { certificateDirectories }: { certificateDirectories: readonly string[] },
): Promise<HostCertificates> {
  for (const directory of certificateDirectories) {
    const found = await readDirectory(join(directory, host));
    if (found) return found;
  }
  return NONE;
}

async function readDirectory(directory: string): Promise<HostCertificates | undefined> {
  const names = await namesIn(directory);
  if (names === undefined) return undefined;
  const authorities: string[] = [];
  let client: HostCertificates['client'];
  for (const name of names) {
    const path = join(directory, name);
    if (name.endsWith('.crt')) authorities.push(await readFile(path, 'utf8'));
    else if (name.endsWith('.cert')) {
      const key = `${name.slice(0, -'.cert'.length)}.key`;
      if (!names.includes(key)) {
        throw failed(`missing key ${key} for client certificate ${name}: CA certificates must use the extension .crt`);
      }
      client = { certificate: await readFile(path, 'utf8'), key: await readFile(join(directory, key), 'utf8') };
    } else if (name.endsWith('.key') && !names.includes(`${name.slice(0, -'.key'.length)}.cert`)) {
      throw failed(`missing client certificate ${name.slice(0, -'.key'.length)}.cert for key ${name}`);
    }
  }
  return { authorities, client };
}

async function namesIn(directory: string): Promise<string[] | undefined> {
  try {
    return (await readdir(directory)).sort();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}
