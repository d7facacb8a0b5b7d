// Sending content: whole, in ranges, or not at all because the client has it.
import type { BlobFile } from './blobs.ts';
import { RegistryError } from './errors.ts';
import type { ContentDigest } from './names.ts';

export interface Sent {
  digest: ContentDigest;
  mediaType: string;
  file: BlobFile;
}

const YEAR = 365 * 24 * 3600;

export function send(request: Request, { digest, mediaType, file }: Sent, byDigest: boolean): Response {
  const etag = `"${digest}"`;
  const headers: Record<string, string> = {
    'Content-Type': mediaType,
    'Docker-Content-Digest': digest,
    ETag: etag,
    'Accept-Ranges': 'bytes',
    // A tag may mean something else the next moment; a digest never.
    'Cache-Control': byDigest ? `max-age=${YEAR}` : 'no-cache',
  };
  if (matches(request.headers.get('if-none-match'), etag)) return new Response(null, { status: 304, headers });
  const ifRange = request.headers.get('if-range');
  const range = ifRange === null || ifRange === etag ? parseRange(request.headers.get('range'), file.size) : undefined;
  if (range === 'unsatisfiable') {
    throw new RegistryError('RANGE_INVALID', 'the range is not in the content', {
      headers: { 'Content-Range': `bytes */${file.size}` },
    });
  }
  const [start, end] = range ?? [0, file.size];
  headers['Content-Length'] = String(end - start);
  if (range) headers['Content-Range'] = `bytes ${start}-${end - 1}/${file.size}`;
  const status = range ? 206 : 200;
  if (request.method === 'HEAD' || end === start) return new Response(null, { status, headers });
  return new Response(Bun.file(file.path).slice(start, end), { status, headers });
}

/** Undefined for what is no range of ours: such a header is to be ignored. */
export function parseRange(header: string | null, size: number): [number, number] | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '');
  if (!match) return undefined;
  const [, first = '', last = ''] = match;
  if (first === '') {
    if (last === '') return undefined;
    const length = Math.min(Number(last), size);
    return length === 0 ? 'unsatisfiable' : [size - length, size];
  }
  const start = Number(first);
  if (last !== '' && Number(last) < start) return undefined;
  if (start >= size) return 'unsatisfiable';
  return [start, last === '' ? size : Math.min(Number(last) + 1, size)];
}

function matches(header: string | null, etag: string): boolean {
  if (header === null) return false;
  return header.split(',').some(entry => {
    const one = entry.trim().replace(/^W\//, '');
    return one === '*' || one === etag;
  });
}
