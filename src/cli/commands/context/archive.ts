// A context as an archive: meta.json, and the TLS material below tls/<endpoint>/.
import type { TlsMaterial } from '../../../client/endpoint.ts';
import type { ByteSource } from '../../../lib/streams.ts';
import { readTar } from '../../../lib/tar/reader.ts';
import { type TarInput, tarEntry } from '../../../lib/tar/writer.ts';
import { type ContextMetadata, DOCKER_ENDPOINT, tlsFiles } from '../../framework/context-store.ts';
import { ExitError } from '../../framework/errors.ts';

const MAX_FILE = 10 * 1024 * 1024;

export function* contextArchive(metadata: ContextMetadata, tls: TlsMaterial): Iterable<TarInput> {
  yield file('meta.json', JSON.stringify(metadata));
  yield directory('tls');
  const contents = Object.entries(tlsFiles).filter(([key]) => tls[key as keyof typeof tlsFiles] !== undefined);
  if (contents.length === 0) return;
  yield directory(`tls/${DOCKER_ENDPOINT}`);
  for (const [key, name] of contents) {
    yield file(`tls/${DOCKER_ENDPOINT}/${name}`, tls[key as keyof typeof tlsFiles] ?? '');
  }
}

function file(name: string, content: string): TarInput {
  const body = Buffer.from(content);
  return { entry: tarEntry({ name, kind: 'file', mode: 0o644, size: body.length }), body };
}

const directory = (name: string): TarInput => ({ entry: tarEntry({ name, kind: 'directory', mode: 0o700 }) });

export async function readContextArchive(
  archive: ByteSource,
): Promise<{ metadata: ContextMetadata; tls: TlsMaterial }> {
  let metadata: ContextMetadata | undefined;
  const tls: TlsMaterial = {};
  for await (const member of readTar(archive)) {
    if (member.kind !== 'file') continue;
    if (member.size > MAX_FILE) throw new ExitError(1, `${member.name} is too large for a context`);
    const chunks: Uint8Array[] = [];
    for await (const chunk of member.body) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    if (member.name === 'meta.json') metadata = JSON.parse(text) as ContextMetadata;
    else {
      const key = Object.entries(tlsFiles).find(([, name]) => member.name === `tls/${DOCKER_ENDPOINT}/${name}`)?.[0];
      if (key === undefined) throw new ExitError(1, `unexpected context file: ${member.name}`);
      tls[key as keyof typeof tlsFiles] = text;
    }
  }
  if (!metadata) throw new ExitError(1, 'invalid context: no metadata found');
  return { metadata, tls };
}
