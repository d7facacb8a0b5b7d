// Contexts: named engines, kept in the configuration directory in Docker's own layout.
// meta/<sha256 of the name>/meta.json describes one; tls/<sha256 of the name>/<endpoint>/ holds its certificates.
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { type Endpoint, parseHost, type TlsMaterial } from '../../client/endpoint.ts';
import { ClientSetupError } from '../../client/errors.ts';
import { errnoOf } from '../../lib/errors.ts';
import { sha256 } from '../../lib/ids.ts';
import { ExitError } from './errors.ts';

export interface ContextEndpoint {
  Host?: string;
  SkipTLSVerify: boolean;
}

export interface ContextMetadata {
  Name: string;
  Metadata: Record<string, unknown> & { Description?: string };
  Endpoints: Record<string, ContextEndpoint>;
}

/** The one kind of endpoint that contexts have. */
export const DOCKER_ENDPOINT = 'docker';
export const tlsFiles = { ca: 'ca.pem', cert: 'cert.pem', key: 'key.pem' } as const;

const directoryName = (name: string) => sha256(name).slice('sha256:'.length);

const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$/;

export function checkContextName(name: string): void {
  if (namePattern.test(name)) return;
  throw new ExitError(
    1,
    `context name "${name}" is invalid, names are validated against regexp "${namePattern.source}"`,
  );
}

export class ContextStore {
  constructor(private readonly configDirectory: string) {}

  metadataPath(name: string): string {
    return `${this.configDirectory}/contexts/meta/${directoryName(name)}`;
  }

  tlsPath(name: string): string {
    return `${this.configDirectory}/contexts/tls/${directoryName(name)}`;
  }

  async list(): Promise<ContextMetadata[]> {
    const root = `${this.configDirectory}/contexts/meta`;
    const found: ContextMetadata[] = [];
    for (const directory of await entries(root)) {
      const file = Bun.file(`${root}/${directory}/meta.json`);
      if (await file.exists()) found.push((await file.json()) as ContextMetadata);
    }
    return found.sort((a, b) => (a.Name < b.Name ? -1 : 1));
  }

  /** Undefined if there is none of that name. */
  async read(name: string): Promise<ContextMetadata | undefined> {
    const file = Bun.file(`${this.metadataPath(name)}/meta.json`);
    return (await file.exists()) ? ((await file.json()) as ContextMetadata) : undefined;
  }

  async need(name: string): Promise<ContextMetadata> {
    const metadata = await this.read(name);
    if (!metadata) {
      const path = `${this.metadataPath(name)}/meta.json`;
      throw new ExitError(1, `context "${name}": context not found: open ${path}: no such file or directory`);
    }
    return metadata;
  }

  async readTls(name: string): Promise<TlsMaterial> {
    const material: TlsMaterial = {};
    for (const [key, file] of Object.entries(tlsFiles) as [keyof typeof tlsFiles, string][]) {
      const stored = Bun.file(`${this.tlsPath(name)}/${DOCKER_ENDPOINT}/${file}`);
      if (await stored.exists()) material[key] = await stored.text();
    }
    return material;
  }

  /** The names of the stored TLS files by endpoint, for `context inspect`. */
  async tlsFileNames(name: string): Promise<Record<string, string[]>> {
    const root = this.tlsPath(name);
    const found: Record<string, string[]> = {};
    for (const endpoint of await entries(root)) found[endpoint] = await entries(`${root}/${endpoint}`);
    return found;
  }

  async write(metadata: ContextMetadata, tls?: TlsMaterial): Promise<void> {
    await writeWhole(this.metadataPath(metadata.Name), 'meta.json', JSON.stringify(metadata));
    if (!tls) return;
    await rm(this.tlsPath(metadata.Name), { recursive: true, force: true });
    for (const [key, file] of Object.entries(tlsFiles) as [keyof typeof tlsFiles, string][]) {
      const content = tls[key];
      if (content !== undefined) await writeWhole(`${this.tlsPath(metadata.Name)}/${DOCKER_ENDPOINT}`, file, content);
    }
  }

  async remove(name: string): Promise<void> {
    await rm(this.metadataPath(name), { recursive: true, force: true });
    await rm(this.tlsPath(name), { recursive: true, force: true });
  }
}

async function entries(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).sort();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

async function writeWhole(directory: string, file: string, content: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const temporary = `${directory}/.${file}.${process.pid}`;
  await writeFile(temporary, content, { mode: 0o600 });
  await rename(temporary, `${directory}/${file}`);
}

/** Where a context's engine is. */
export async function contextEndpoint(configDirectory: string, name: string): Promise<Endpoint> {
  const store = new ContextStore(configDirectory);
  const metadata = await store.need(name).catch(error => {
    throw new ClientSetupError(`${error instanceof Error ? error.message : error}`);
  });
  const endpoint = metadata.Endpoints[DOCKER_ENDPOINT];
  if (!endpoint?.Host) throw new ClientSetupError(`context "${name}": no docker endpoint`);
  const tls = await store.readTls(name);
  const wantsTls = tls.ca !== undefined || tls.cert !== undefined || endpoint.SkipTLSVerify;
  return parseHost(endpoint.Host, wantsTls ? { ...tls, insecure: endpoint.SkipTLSVerify } : undefined);
}
